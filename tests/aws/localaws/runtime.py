"""One Lambda execution environment: AWS's own runtime client, and the Runtime API that feeds it.

The client (`awslambdaric`) asks `/runtime/invocation/next` for an event, calls the handler, and
posts the response or the error; that is the whole protocol. Each environment has a server of its
own, as on AWS. It holds what Lambda's image holds and the bundle, no more, and where Linux allows
it, it cannot write a file.
"""

import json
import os
import queue
import resource
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any, ClassVar, Literal, TypeAlias

from localaws.tools import python

__all__ = ["Environment", "Kind", "Outcome", "QuietServer"]

Kind: TypeAlias = Literal["response", "error", "crash", "throttle"]
"""The handler answered; it raised; its process died or ran out of time; there was no room."""

_INIT_SECONDS = 120.0
"""Lambda gives ten; this machine may be busy with other things."""
_NEXT = "/2018-06-01/runtime/invocation/next"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one invocation ended."""

    kind: Kind
    body: bytes
    """JSON: the handler's response, or Lambda's description of the error."""
    seconds: float = 0.0


@dataclass(kw_only=True)
class Environment:
    """A process that runs one invocation at a time.

    Args:
        arn: what the function is told to be.
        handler: `module.function`.
        bundle: folder of the built function; the only place of its imports beside Lambda's image.
        variables: the function's environment.
        timeout: seconds an invocation may take.
        memory_mb: what the function is told to have.
        log: where the process's output goes, and what it is remembered as.
        may_write: whether it may write files at all.
    """

    arn: str
    handler: str
    bundle: Path
    variables: dict[str, str]
    timeout: float
    memory_mb: int
    log: Path
    may_write: bool = False
    busy: bool = True
    ready: threading.Event = field(default_factory=threading.Event)
    failed_init: bytes = b""
    init_seconds: float = 0.0
    peak_rss_mb: float = 0.0
    outcome: Outcome | None = None
    """How its last invocation ended."""

    def __post_init__(self) -> None:
        """Start the server, then the client."""
        self._events: queue.Queue[tuple[str, bytes, int]] = queue.Queue()
        self._answers: dict[str, queue.Queue[tuple[Kind, bytes]]] = {}
        self._server = QuietServer(
            ("127.0.0.1", 0), type("RuntimeApi", (_RuntimeApi,), {"environment": self})
        )
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self._born = time.monotonic()
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        name, memory = self.arn.split(":")[6], str(self.memory_mb)
        given = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
        told = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory,
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "LAMBDA_TASK_ROOT": str(self.bundle),
            "_HANDLER": self.handler,
            "PYTHONPATH": str(self.bundle),
            "PYTHONDONTWRITEBYTECODE": "1",  # /var/task is read-only
            "TZ": ":UTC",
        }
        output: int | IO[bytes] = self.log.open("ab") if self.may_write else subprocess.PIPE
        process = subprocess.Popen(
            [python("image"), "-m", "awslambdaric", self.handler],
            cwd=self.bundle,
            env={**given, **told, **self.variables},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=None if self.may_write else _forbid_files,  # noqa: PLW1509 a child of tests
        )
        if process.stdout:
            threading.Thread(target=self._copy_output, args=(process.stdout,), daemon=True).start()
        return process

    def _copy_output(self, output: IO[bytes]) -> None:
        with output, self.log.open("ab") as log:
            for line in output:
                log.write(line)
                log.flush()

    def invoke(self, request: str, event: bytes) -> Outcome:
        """Hand over one event, and wait for its end or the time limit."""
        began = time.monotonic()
        while not self.ready.wait(0.05):
            if self.process.poll() is not None or time.monotonic() > began + _INIT_SECONDS:
                return self._ended("crash", self._exit_error(request), began)
        if self.failed_init:
            return self._ended("crash", self.failed_init, began)
        answer = self._answers[request] = queue.Queue()
        end = time.monotonic() + self.timeout
        self._events.put((request, event, int((time.time() + self.timeout) * 1000)))
        while True:
            try:
                kind, body = answer.get(timeout=0.05)
                return self._ended(kind, body, began)
            except queue.Empty:
                if self.process.poll() is not None:
                    return self._ended("crash", self._exit_error(request), began)
                if time.monotonic() > end:
                    return self._ended("crash", self._timeout_error(request), began)

    def _ended(self, kind: Kind, body: bytes, began: float) -> Outcome:
        self.peak_rss_mb = max(self.peak_rss_mb, self._high_water_mb())
        self.outcome = Outcome(kind=kind, body=body, seconds=time.monotonic() - began)
        return self.outcome

    @property
    def cpu_seconds(self) -> float:
        """The processor time that it and its children have used; what has ended used none."""
        own = self.process.pid
        try:
            children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
        except (FileNotFoundError, ProcessLookupError):
            return 0.0
        processes: tuple[int | str, ...] = (own, *children)
        return sum(_cpu_seconds(each) for each in processes)

    def _exit_error(self, request: str) -> bytes:
        code = self.process.poll()
        how = (
            f"signal: {signal.Signals(-code).name}" if code and code < 0 else f"exit status {code}"
        )
        said = f"RequestId: {request} Error: Runtime exited with error: {how}"
        return json.dumps({"errorType": "Runtime.ExitError", "errorMessage": said}).encode()

    def _timeout_error(self, request: str) -> bytes:
        said = f"RequestId: {request} Error: Task timed out after {self.timeout:.2f} seconds"
        return json.dumps({"errorType": "Sandbox.Timedout", "errorMessage": said}).encode()

    def _high_water_mb(self) -> float:
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return 0.0
        lines = [line.split() for line in status.splitlines() if line.startswith("VmHWM")]
        return int(lines[0][1]) / 1024 if lines else 0.0

    def next_event(self) -> tuple[str, bytes, int]:
        """For the Runtime API: wait for an event; its request id, payload and deadline in ms."""
        if not self.ready.is_set():
            self.init_seconds = time.monotonic() - self._born
            self.ready.set()
        return self._events.get()

    def answer(self, request: str, kind: Kind, body: bytes) -> None:
        """For the Runtime API: what became of an event."""
        self._answers[request].put((kind, body))

    def stop(self) -> None:
        """Kill the process and its children, and end the server."""
        with suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._server.shutdown()
        self._server.server_close()


class QuietServer(ThreadingHTTPServer):
    """A server whose clients may be killed: that is no news."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Say nothing of a connection that broke off."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _forbid_files() -> None:
    """Let any write to a regular file fail: Lambda has only /tmp, and we do not use it."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


class _RuntimeApi(BaseHTTPRequestHandler):
    """The Runtime API, version 2018-06-01, of one environment."""

    environment: ClassVar[Environment]

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def do_GET(self) -> None:
        """Give out the next event, when there is one."""
        if self.path != _NEXT:
            self._send(404, b"{}", {})
            return
        request, event, deadline = self.environment.next_event()
        headers = {
            "Content-Type": "application/json",  # without it the client crashes
            "Lambda-Runtime-Aws-Request-Id": request,
            "Lambda-Runtime-Deadline-Ms": str(deadline),
            "Lambda-Runtime-Invoked-Function-Arn": self.environment.arn,
            "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0",
        }
        self._send(200, event, headers)

    def do_POST(self) -> None:
        """Take a response, an error, or the news that the start failed."""
        body, path = self._body(), self.path.split("/")
        if path[-2:] == ["init", "error"]:
            self.environment.failed_init = body
            self.environment.ready.set()
        elif path[-1] in {"response", "error"}:
            kind: Kind = "response" if path[-1] == "response" else "error"
            self.environment.answer(path[-2], kind, body)
        self._send(202, b'{"status":"OK"}', {})

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length")
        if length is not None:
            return self.rfile.read(int(length))
        read = b""
        while size := int(self.rfile.readline().strip() or b"0", 16):
            read += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return read

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _cpu_seconds(pid: int | str) -> float:
    """Return the processor time that a process has used."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(status[11]) + int(status[12])) / os.sysconf("SC_CLK_TCK")
