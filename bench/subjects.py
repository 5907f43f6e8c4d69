"""What is measured: our functions, on the way of one release, and others that do the webhook's job alone."""

import json
import os

import world
from measure import Subject

# As many as a subject is given at most.
REQUESTS = 201
HERE = os.path.dirname(os.path.abspath(__file__))
CONFIG = """[slack]
channel = "#deploys"

[[pipeline]]
name = "web"
repository = "github.com/acme/web"
branches = ["main", "release/*"]
paths = ["content/**", "theme/**"]
project = "web-build"
image = "web"

[[pipeline.environment]]
name = "production"
cluster = "production"
services = ["web"]
approval = { by = ["@release-managers"] }
"""
# What a configuration may hold besides: pipelines of other repositories.
def with_strangers(pipelines):
    more = (f"""
[[pipeline]]
name = "stranger-{number}"
repository = "github.com/acme/stranger-{number}"
branches = ["main"]
project = "stranger-{number}"
""" for number in range(1, pipelines))
    return CONFIG + "".join(more)


REGISTRY = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"


def others(built):
    """The webhook's job alone, in other languages, and a function that does nothing."""
    settings = {"BENCH_SECRET": world.SECRET, "BENCH_ROUTES": os.path.join(HERE, "routes.json")}
    python = os.path.join(HERE, "..", ".local", "bench", "bin", "python")
    job = lambda name, command: Subject(name, command, world.delivery, settings, expects=b"web-build")
    return [
        Subject("hello-world", [os.path.join(built, "hello", "release", "hello")], world.delivery, expects=b"hello"),
        job("Go", [os.path.join(built, "go", "bootstrap")]),
        job("Node", ["node", os.path.join(built, "node", "index.mjs")]),
        job("Python", [python, os.path.join(HERE, "python", "function.py")]),
    ]


def tick(program, settings, release, open_releases, ended):
    """A tick over so many open releases, each like this one, beside so many that ended."""
    def prepare(aws):
        for number in range(open_releases + ended):
            copy = json.loads(json.dumps(release))
            copy["pk"]["S"] = f"release#{id_of(number)}"
            copy["record"]["S"] = copy["record"]["S"].replace(release["pk"]["S"].removeprefix("release#"), id_of(number))
            if number >= open_releases:
                copy.pop("open_for")
            aws.items[copy["pk"]["S"], copy["sk"]["S"]] = copy

    event = {"version": "0", "id": "e", "source": "aws.events", "detail-type": "Scheduled Event", "account": "123456789012",
             "time": "2026-11-21T09:00:00Z", "region": "eu-central-1", "resources": [], "detail": {}}
    return Subject("tick", program, lambda _number: event, settings, prepare)


def id_of(number):
    """A release's id: a ULID."""
    return f"01M80J1W2AFK7MK7JP{number:08d}"


def release_settings(config):
    return {"LONGSHORE_TABLE": "longshore", "LONGSHORE_SECRET": "longshore", "LONGSHORE_CONFIG": config,
            "LONGSHORE_URL": "https://bench.example", "LONGSHORE_REGISTRY": REGISTRY}


def ours(programs, config, bench, requests=REQUESTS):
    """The three functions, each with its own part of one release: what comes before is made by the function before."""
    settings = release_settings(config)
    program = lambda name: [os.path.join(programs, f"longshore-{name}")]
    trigger = Subject("trigger", program("trigger"), world.delivery, settings, expects=b"202")
    before = bench.run(trigger, requests).aws
    builds = [{each["name"]: each["value"] for each in given["environmentVariablesOverride"]} for given in before.started]

    def prepare(aws):
        aws.items = {key: dict(item) for key, item in before.items.items()}

    def report(path, number, body):
        headers = {"authorization": f"Bearer {builds[number]['LONGSHORE_TOKEN']}", "content-type": "application/json"}
        return world.request(path, json.dumps(body).encode(), headers)

    def stage(number):
        return report("/builds/events", number, {"phase": "test", "status": "started", "message": "some 20 files"})

    def image(number):
        return report("/builds/image", number, {"image": builds[number]["LONGSHORE_IMAGE"]})

    def changed(number):
        return {"version": "0", "id": "e", "source": "longshore", "detail-type": "Release Changed", "account": "123456789012",
                "time": "2026-11-21T09:00:00Z", "region": "eu-central-1", "resources": [],
                "detail": {"release": builds[number]["LONGSHORE_RELEASE"], "pipeline": "web", "version": 2, "state": "building"}}

    return [
        trigger,
        Subject("notify", program("notify"), stage, settings, prepare, expects=b"202"),
        Subject("notify: draw", program("notify"), changed, settings, prepare),
        Subject("deploy", program("deploy"), image, settings, prepare, expects=b"202"),
    ]
