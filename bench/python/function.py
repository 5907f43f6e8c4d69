"""The webhook's job in Python with boto3: verify, parse, route, StartBuild. The loop over the Runtime API is the standard library's."""

import base64
import fnmatch
import hashlib
import hmac
import http.client
import json
import os

import boto3
from botocore.config import Config

SECRET = os.environ["BENCH_SECRET"].encode()
with open(os.environ["BENCH_ROUTES"]) as file:
    BY_REPOSITORY = {}
    for pipeline in json.load(file)["pipelines"]:
        BY_REPOSITORY.setdefault(pipeline["repository"], []).append(pipeline)
CODEBUILD = boto3.client("codebuild", config=Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard"}))


def handle(event):
    body = event.get("body") or ""
    body = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
    signature = event["headers"].get("x-hub-signature-256", "")
    expected = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(signature.encode(), expected.encode()):
        return answer(401, {"error": "not proven"})
    push = json.loads(body)
    branch = push["ref"].removeprefix("refs/heads/")
    files = {name for commit in push["commits"] for kind in ("added", "removed", "modified") for name in commit[kind]}
    started = []
    for pipeline in BY_REPOSITORY.get(push["repository"]["full_name"], []):
        if not any(fnmatch.fnmatchcase(branch, pattern) for pattern in pipeline["branches"]):
            continue
        if not any(fnmatch.fnmatchcase(name, pattern) for name in files for pattern in pipeline["paths"]):
            continue
        build = CODEBUILD.start_build(
            projectName=pipeline["project"], sourceVersion=push["after"],
            idempotencyToken=event["headers"]["x-github-delivery"] + pipeline["name"],
            environmentVariablesOverride=[{"name": "BRANCH", "value": branch, "type": "PLAINTEXT"}],
        )
        started.append({"pipeline": pipeline["name"], "build": build["build"]["id"]})
    return answer(202, {"releases": started})


def answer(status, body):
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}


def main():
    host, base = os.environ["AWS_LAMBDA_RUNTIME_API"], "/2018-06-01/runtime/invocation"
    connection = http.client.HTTPConnection(host)
    while True:
        connection.request("GET", f"{base}/next")
        response = connection.getresponse()
        event, request = json.loads(response.read()), response.headers["lambda-runtime-aws-request-id"]
        connection.request("POST", f"{base}/{request}/response", json.dumps(handle(event)))
        connection.getresponse().read()


main()
