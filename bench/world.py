"""What a function meets on Lambda, on loopback: the Runtime API, and what stands for AWS and Slack.

The stand-in answers the good path: a table that keeps what is put into it and gives it back, without looking at conditions; StartBuild, a
secret, a bus, a registry, and Slack. It counts the calls. What such a call costs AWS is no part of what is measured here.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import re
import ssl
import threading
import time

SECRET = "a webhook secret of the bench"
CALLBACK_KEY = "a callback key of the bench"
DIGEST = "sha256:" + "5f" * 32


class Http:
    """A small server of HTTP/1.1: `answer` takes method, path, headers and body, and gives status, headers and body."""

    def __init__(self, answer, tls=None):
        self.answer, self.tls, self.server, self.port = answer, tls, None, 0
        # A task that only waits is held by nobody else.
        self.tasks = set()

    async def start(self):
        self.server = await asyncio.start_server(self._client, "127.0.0.1", 0, ssl=self.tls)
        self.port = self.server.sockets[0].getsockname()[1]

    def stop(self):
        self.server.close()
        for task in self.tasks:
            task.cancel()

    async def _client(self, reader, writer):
        self.tasks.add(asyncio.current_task())
        try:
            while line := await reader.readline():
                method, path, _ = line.decode().split(" ", 2)
                headers = {}
                while (line := await reader.readline()) not in (b"\r\n", b""):
                    name, value = line.decode().split(":", 1)
                    headers[name.lower()] = value.strip()
                body = b""
                if headers.get("transfer-encoding") == "chunked":
                    while size := int(await reader.readline(), 16):
                        body += (await reader.readexactly(size + 2))[:-2]
                    await reader.readline()
                elif length := int(headers.get("content-length", 0)):
                    body = await reader.readexactly(length)
                result = self.answer(method, path, headers, body)
                if asyncio.iscoroutine(result):
                    result = await result
                status, more, text = result
                head = "".join(f"{name}: {value}\r\n" for name, value in more.items())
                writer.write(f"HTTP/1.1 {status} x\r\ncontent-length: {len(text)}\r\n{head}\r\n".encode() + text)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        except asyncio.CancelledError:
            pass
        finally:
            writer.close()


class Aws:
    """The calls that our functions make on the way of a good release."""

    # A page of the index `open` has 1 MB, and each entry of it some 150 bytes.
    PAGE = 7000

    def __init__(self):
        self.items, self.started, self.calls, self.said = {}, [], {}, []

    def answer(self, method, path, headers, body):
        target = headers.get("x-amz-target")
        name = target.split(".")[-1] if target else path.split("?")[0].rsplit("/", 1)[-1].replace(".", "_")
        self.calls[name] = self.calls.get(name, 0) + 1
        given = json.loads(body) if body.startswith(b"{") else {}
        call = getattr(self, f"on_{name}", None)
        if call is None:
            self.said.append(f"{method} {target or path}")
            return 400, {"content-type": "application/x-amz-json-1.1"}, b'{"__type":"UnknownOperationException"}'
        text = json.dumps(call(given)).encode()
        return 200, {"content-type": "application/x-amz-json-1.0", "x-amzn-requestid": "bench"}, text

    # DynamoDB: keys and items, no conditions.

    @staticmethod
    def _key(item):
        return item["pk"]["S"], item["sk"]["S"]

    def on_GetItem(self, given):
        item = self.items.get(self._key(given["Key"]))
        return {"Item": item} if item else {}

    def on_PutItem(self, given):
        self.items[self._key(given["Item"])] = given["Item"]
        return {}

    def on_DeleteItem(self, given):
        self.items.pop(self._key(given["Key"]), None)
        return {}

    def on_TransactWriteItems(self, given):
        for item in given["TransactItems"]:
            for kind, of in item.items():
                getattr(self, {"Put": "on_PutItem", "Update": "on_UpdateItem", "Delete": "on_DeleteItem"}[kind])(of)
        return {}

    def on_UpdateItem(self, given):
        item = self.items.setdefault(self._key(given["Key"]), dict(given["Key"]))
        names, values = given.get("ExpressionAttributeNames", {}), given.get("ExpressionAttributeValues", {})
        name = lambda word: names.get(word, word)
        clauses = re.split(r"\b(SET|ADD|REMOVE)\b", given["UpdateExpression"])[1:]
        for verb, clause in zip(clauses[::2], clauses[1::2]):
            for part in re.split(r",(?![^(]*\))", clause):
                part = part.strip()
                if verb == "REMOVE":
                    item.pop(name(part), None)
                elif verb == "ADD":
                    left, right = part.split()
                    old = int(item.get(name(left), {"N": "0"})["N"])
                    item[name(left)] = {"N": str(old + int(values[right]["N"]))}
                else:
                    left, right = (word.strip() for word in part.split("=", 1))
                    item[name(left)] = self._value(right, item, name, values)
        return {"Attributes": item} if given.get("ReturnValues", "NONE") != "NONE" else {}

    @staticmethod
    def _value(text, item, name, values):
        if match := re.fullmatch(r"if_not_exists\((\S+?),\s*(\S+?)\)", text):
            return item.get(name(match[1]), values.get(match[2]))
        if match := re.fullmatch(r"(\S+)\s*([+-])\s*(\S+)", text):
            number = lambda word: int((values.get(word) or item.get(name(word), {"N": "0"}))["N"])
            return {"N": str(number(match[1]) + (number(match[3]) if match[2] == "+" else -number(match[3])))}
        return values[text] if text.startswith(":") else item[name(text)]

    def on_Query(self, given):
        wanted = list(given.get("ExpressionAttributeValues", {}).values())
        index = given.get("IndexName")
        found = [item for item in self.items.values() if index == "open" and item.get("open_for") in wanted]
        start = int(given.get("ExclusiveStartKey", {}).get("at", {"N": "0"})["N"])
        page = found[start:start + self.PAGE]
        more = {"LastEvaluatedKey": {"at": {"N": str(start + self.PAGE)}}} if start + self.PAGE < len(found) else {}
        return {"Items": [{"pk": item["pk"], "sk": item["sk"]} for item in page], "Count": len(page), **more}

    # The others.

    def on_GetSecretValue(self, _given):
        secret = {"github": SECRET, "callback_key": CALLBACK_KEY, "slack_bot_token": "bench"}
        return {"ARN": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:bench", "Name": "bench",
                "SecretString": json.dumps(secret)}

    def on_PutEvents(self, given):
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "e"} for _ in given["Entries"]]}

    def on_StartBuild(self, given):
        self.started.append(given)
        project = given["projectName"]
        build = f"{project}:{len(self.started):08d}"
        return {"build": {
            "id": build, "arn": f"arn:aws:codebuild:eu-central-1:123456789012:build/{build}", "projectName": project,
            "buildNumber": len(self.started), "buildStatus": "IN_PROGRESS", "currentPhase": "QUEUED", "startTime": time.time(),
            "sourceVersion": given["sourceVersion"], "resolvedSourceVersion": given["sourceVersion"], "buildComplete": False,
            "logs": {"deepLink": "https://console.aws.amazon.com/cloudwatch/home#logEvent:group=null;stream=null"},
            "environment": {"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0",
                            "computeType": "BUILD_GENERAL1_SMALL",
                            "environmentVariables": given.get("environmentVariablesOverride", [])},
        }}

    def on_DescribeImages(self, given):
        return {"imageDetails": [{"registryId": "123456789012", "repositoryName": given["repositoryName"],
                                  "imageDigest": DIGEST, "imageTags": ["bench"], "imageSizeInBytes": 7_000_000}]}

    def on_chat_postMessage(self, _given):
        return {"ok": True, "channel": "C0BENCH", "ts": "1795000000.000100"}

    on_chat_update = on_chat_postMessage

    def on_users_list(self, _given):
        return {"ok": True, "members": [], "response_metadata": {"next_cursor": ""}}

    def on_users_lookupByEmail(self, _given):
        return {"ok": False, "error": "users_not_found"}

    def on_usergroups_list(self, _given):
        return {"ok": True, "usergroups": []}

    # Amazon's own readiness answer of DynamoDB and others: GET /ping.
    def on_ping(self, _given):
        return "healthy"


class Runtime:
    """The Lambda Runtime API of one instance. Source: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>."""

    def __init__(self, payload, invocations):
        self.payload, self.invocations = payload, invocations
        self.nexts, self.sent, self.answers, self.failure = [], [], [], None
        self.done = threading.Event()

    async def answer(self, method, path, _headers, body):
        if path.endswith("/invocation/next"):
            self.nexts.append(time.perf_counter())
            number = len(self.sent)
            if number >= self.invocations:
                self.done.set()
                await asyncio.Event().wait()
            text = json.dumps(self.payload(number)).encode()
            self.sent.append(time.perf_counter())
            return 200, {
                "content-type": "application/json", "lambda-runtime-aws-request-id": f"00000000-0000-4000-8000-{number:012d}",
                "lambda-runtime-deadline-ms": str(int(time.time() * 1000) + 600_000),
                "lambda-runtime-invoked-function-arn": "arn:aws:lambda:eu-central-1:123456789012:function:bench",
                "lambda-runtime-trace-id": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0",
            }, text
        if path.endswith("/response"):
            self.answers.append((time.perf_counter(), body))
        else:
            self.failure = f"{path}: {body.decode(errors='replace')[:500]}"
            self.done.set()
        return 202, {"content-type": "application/json"}, b'{"status":"OK"}'


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def start(self, answer, tls=None):
        server = Http(answer, tls)
        asyncio.run_coroutine_threadsafe(server.start(), self.loop).result(10)
        return server


def commit(number):
    return hashlib.sha1(f"commit {number}".encode()).hexdigest()


def push(number, repository="acme/web"):
    """A push with two commits as GitHub describes it, of the usual size: some 7 kB. Each is to a branch of its own, so that none waits."""
    page = f"https://github.com/{repository}"
    person = {"name": "Ada Lovelace", "email": "ada@acme.example", "username": "ada"}
    commits = [{
        "id": commit(n), "tree_id": commit(-n), "distinct": True, "message": f"Change {n}: the tide table has its own page",
        "timestamp": "2026-11-21T09:00:00+01:00", "url": f"{page}/commit/{commit(n)}", "author": person, "committer": person,
        "added": [f"content/{n}.md"], "removed": [], "modified": ["content/index.md", "theme/site.css"],
    } for n in (2 * number + 1, 2 * number + 2)]
    urls = ("forks keys collaborators teams hooks issue_events events assignees branches tags blobs git_tags git_refs trees "
            "statuses languages stargazers contributors subscribers subscription commits git_commits comments issue_comment "
            "contents compare merges archive downloads issues pulls milestones notifications labels releases deployments").split()
    owner, name = repository.split("/")
    api = f"https://api.github.com/repos/{repository}"
    account = {"login": owner, "id": 42, "node_id": "O_42", "avatar_url": "https://avatars.example/u/42", "type": "Organization",
               "html_url": f"https://github.com/{owner}", "url": f"https://api.github.com/users/{owner}", "site_admin": False}
    return {
        "ref": f"refs/heads/release/{number}", "before": commit(2 * number), "after": commits[-1]["id"],
        "repository": {
            "id": 7, "node_id": "R_7", "name": name, "full_name": repository, "private": True, "owner": account, "html_url": page,
            "description": "The harbour's notes", "fork": False, "url": page, **{f"{word}_url": f"{api}/{word}" for word in urls},
            "created_at": 1700000000, "updated_at": "2026-11-20T08:00:00Z", "pushed_at": 1795000000 + number,
            "git_url": f"git://github.com/{repository}.git", "ssh_url": f"git@github.com:{repository}.git",
            "clone_url": f"{page}.git", "size": 1024, "stargazers_count": 3, "language": "Python", "has_issues": True,
            "default_branch": "main", "master_branch": "main", "organization": owner, "topics": [], "visibility": "private",
        },
        "pusher": {"name": "ada", "email": "ada@acme.example"}, "organization": account,
        "sender": {**account, "login": "ada", "id": 1, "type": "User"},
        "created": False, "deleted": False, "forced": False, "base_ref": None,
        "compare": f"{page}/compare/{commit(2 * number)[:12]}...{commits[-1]['id'][:12]}", "commits": commits,
        "head_commit": commits[-1],
    }


def request(path, body, headers):
    """An HTTP API's request, payload format 2.0."""
    return {
        "version": "2.0", "routeKey": f"POST {path}", "rawPath": path, "rawQueryString": "",
        "headers": {"host": "bench.execute-api.eu-central-1.amazonaws.com", "user-agent": "bench", "accept": "*/*",
                    "content-length": str(len(body)), "x-forwarded-for": "192.0.2.1", "x-forwarded-port": "443",
                    "x-forwarded-proto": "https", "x-amzn-trace-id": "Root=1-5759e988-bd862e3fe1be46a994272793", **headers},
        "requestContext": {
            "accountId": "123456789012", "apiId": "bench", "domainName": "bench.execute-api.eu-central-1.amazonaws.com",
            "domainPrefix": "bench", "requestId": "JKJaXmPLvHcESHA=", "routeKey": f"POST {path}", "stage": "$default",
            "http": {"method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "bench"},
            "time": "21/Nov/2026:09:00:00 +0000", "timeEpoch": 1795000000000,
        },
        "body": base64.b64encode(body).decode(), "isBase64Encoded": True,
    }


def delivery(number):
    """A signed push."""
    body = json.dumps(push(number)).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return request("/webhooks/github", body, {
        "content-type": "application/json", "user-agent": "GitHub-Hookshot/bench", "x-github-event": "push",
        "x-github-delivery": f"72d3162e-cc78-11e3-81ab-{number:012d}", "x-hub-signature-256": f"sha256={signature}",
    })
