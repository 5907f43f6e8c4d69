"""Runs a function under the Runtime API and measures it: instructions by callgrind, processor time by the kernel, memory by its high-water mark."""

import os
import re
import signal
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass, field

import world

# What a function of 128 MB gets of a processor, of the 1,769 MB that have a whole one.
# Source: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>
SHARE = 128 / 1769
# A run that takes longer than this is broken.
PATIENCE = 180


@dataclass
class Subject:
    """A function: how it is started, and what it is given. `payload` gives the invocation of a number; `prepare` fills the stand-in."""

    name: str
    command: list
    payload: object
    settings: dict = field(default_factory=dict)
    prepare: object = None
    # Its answer has to hold this, else it did not do its work.
    expects: bytes = b""


@dataclass
class Run:
    """What one process did."""

    started: float
    runtime: world.Runtime
    aws: world.Aws
    processor: float
    memory: int
    instructions: int

    @property
    def first_next(self):
        return self.runtime.nexts[0] - self.started

    @property
    def first_answer(self):
        return self.runtime.answers[0][0] - self.started

    @property
    def first_after_init(self):
        return self.runtime.answers[0][0] - self.runtime.sent[0]

    @property
    def warm(self):
        return [answer[0] - sent for sent, answer in list(zip(self.runtime.sent, self.runtime.answers))[1:]]


def environment(aws, runtime, slack, settings):
    """What Lambda sets, and the addresses of the stand-ins. Nothing of ours is inherited but where programs are."""
    keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {
        **keep, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{runtime}", "AWS_LAMBDA_FUNCTION_NAME": "bench", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128", "AWS_LAMBDA_LOG_GROUP_NAME": "bench", "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "an example, not a key", "AWS_SESSION_TOKEN": "an example, not a token",
        "AWS_ENDPOINT_URL": aws, "LONGSHORE_SLACK_API": slack, "TZ": ":UTC", "LANG": "en_US.UTF-8", **settings,
    }


class Bench:
    """The stand-ins; `tls` is a server context, or none for plain HTTP."""

    def __init__(self, tls=None, tls_settings=None):
        self.loop, self.tls, self.tls_settings = world.Loop(), tls, tls_settings or {}

    def run(self, subject, invocations, callgrind=False):
        """Runs it through so many invocations, and ends it when it asks for another."""
        aws = world.Aws()
        if subject.prepare:
            subject.prepare(aws)
        runtime = world.Runtime(subject.payload, invocations)
        endpoint, api = self.loop.start(aws.answer, self.tls), self.loop.start(runtime.answer)
        scheme = "https" if self.tls else "http"
        url = f"{scheme}://{'localhost' if self.tls else '127.0.0.1'}:{endpoint.port}"
        given = environment(url, api.port, f"{url}/api", {**self.tls_settings, **subject.settings})
        with tempfile.TemporaryDirectory() as folder:
            output = os.path.join(folder, "callgrind")
            tool = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={output}", "--trace-children=yes"] if callgrind else []
            log = open(os.path.join(folder, "log"), "wb+")
            started = time.perf_counter()
            process = subprocess.Popen([*tool, *subject.command], env=given, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            try:
                deadline = time.monotonic() + PATIENCE
                while not runtime.done.wait(0.02):
                    # Looked at and left to be waited for: what it used is told but once.
                    ended = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                    if ended or time.monotonic() > deadline:
                        break
                with open(f"/proc/{process.pid}/status") as status:
                    found = re.search(r"VmHWM:\s+(\d+)", status.read())
                    memory = int(found[1]) if found else 0
            finally:
                # Not Popen's own, which waits for one that has ended: then nobody is told what it used.
                os.kill(process.pid, signal.SIGTERM)
                usage = self.wait(process)
            log.seek(0)
            said = log.read().decode(errors="replace")
            problem = runtime.failure or (len(runtime.answers) < invocations and "it did not answer") or None
            bad = [body for _, body in runtime.answers if subject.expects not in body]
            if problem or bad:
                raise RuntimeError(f"{subject.name}: {problem or bad[0].decode()[:500]}\n{said[-3000:]}\nnot answered: {aws.said}")
            instructions = 0
            if callgrind:
                for name in os.listdir(folder):
                    if name.startswith("callgrind"):
                        with open(os.path.join(folder, name)) as text:
                            found = re.search(r"^(?:summary|totals): (\d+)", text.read(), re.MULTILINE)
                            instructions += int(found[1]) if found else 0
        self.said = said
        for server in (endpoint, api):
            self.loop.loop.call_soon_threadsafe(server.stop)
        return Run(started, runtime, aws, usage.ru_utime + usage.ru_stime, memory, instructions)

    @staticmethod
    def wait(process):
        """What it used, once it ended; killed when it takes no notice."""
        for _ in range(250):
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                process.returncode = status
                return usage
            time.sleep(0.02)
        process.kill()
        _, process.returncode, usage = os.wait4(process.pid, 0)
        return usage

    def instructions(self, subject, warm=20):
        """To the first `next`, through the first answer, and for each request after it. None where there is no valgrind."""
        start = self.run(subject, 0, callgrind=True).instructions
        cold = self.run(subject, 1, callgrind=True).instructions
        more = self.run(subject, 1 + warm, callgrind=True).instructions
        return start, cold, (more - cold) / warm

    def times(self, subject, runs=30, warm=200):
        """Medians of several processes in seconds; warm times and processor time of one with many requests."""
        cold = [self.run(subject, 1) for _ in range(runs)]
        idle = statistics.median(self.run(subject, 0).processor for _ in range(runs))
        once = statistics.median(run.processor for run in cold)
        long = self.run(subject, 1 + warm)
        times = sorted(long.warm)
        return {
            "first_next": statistics.median(run.first_next for run in cold),
            "first_answer": statistics.median(run.first_answer for run in cold),
            "processor_init": idle, "processor_first": max(0.0, once - idle), "at_128_mb": max(0.0, once - idle) / SHARE,
            "warm_p50": times[len(times) // 2], "warm_p99": times[min(len(times) - 1, int(len(times) * 0.99))],
            "processor_warm": max(0.0, long.processor - once) / warm, "memory": max(long.memory, *(run.memory for run in cold)),
            "calls": cold[0].aws.calls,
        }
