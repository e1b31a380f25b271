"""A local Lambda service: real runtime clients behind it, Lambda's rules for failures in front.

What it does as AWS's documentation says: one environment runs one event at a time; more events
than reserved environments are throttled; an asynchronous event that fails is tried again after one
minute and after two more, at most twice; a throttled one is put back, which is not counted as an
attempt, until it is too old; what is given up goes to the on-failure destination in an envelope.

A minute may be made short: `speed` divides every wait, and nothing else.
"""

import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from localaws.runtime import Environment, Outcome, QuietServer

__all__ = ["Function", "LambdaService", "OnFailure"]

OnFailure: TypeAlias = Callable[[dict[str, Any]], None]
"""Takes the record of an asynchronous event that was given up."""

_THROTTLED = Outcome(
    kind="throttle",
    body=json.dumps(
        {
            "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
            "Type": "User",
            "message": "Rate Exceeded.",
        }
    ).encode(),
)
_RETRY_SECONDS = (60, 120)
_LONGEST_THROTTLE_WAIT = 300


@dataclass(kw_only=True)
class Function:
    """A function, its settings, and the environments that it has now.

    Args:
        name: the function; callers name its alias `live`.
        bundle: folder of the built function.
        handler: `module.function`.
        variables: its environment, with the credentials of its role.
        timeout: seconds an invocation may take.
        logs: folder for what environments print.
        memory_mb: what the function is told to have.
        reserved: how many environments it may have.
        retries: how often a failed asynchronous event is tried again, 0 to 2.
        max_age: seconds for which an asynchronous event is kept.
        on_failure: takes what is given up.
        speed: how many times faster than Lambda's the waits between attempts are.
        may_write: whether environments may write files at all.
    """

    name: str
    bundle: Path
    handler: str
    variables: dict[str, str]
    timeout: float
    logs: Path
    memory_mb: int = 1769
    reserved: int = 1000
    retries: int = 2
    max_age: float = 21600
    on_failure: OnFailure | None = None
    speed: float = 60
    may_write: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    """Cold starts, invocations, throttles and failures so far; `busiest` environments at once."""
    outcomes: list[Outcome] = field(default_factory=list)
    peaks_mb: list[float] = field(default_factory=list)
    inits: list[float] = field(default_factory=list)
    on_arrival: Callable[[bytes], None] | None = None
    """Called in place of `run_later`: tests lose and double events there."""
    on_start: Callable[[Environment, bytes], None] | None = None
    """Called in a thread of its own when an event is given to an environment: tests kill there."""

    def __post_init__(self) -> None:
        """Begin with no environment."""
        self._environments: list[Environment] = []
        self._lock = threading.Lock()
        self._waiting: set[threading.Thread] = set()
        self._stopped = threading.Event()

    @property
    def arn(self) -> str:
        """The ARN of the alias `live`."""
        return f"arn:aws:lambda:us-east-1:000000000000:function:{self.name}:live"

    @property
    def log(self) -> Path:
        """What its environments have printed."""
        return self.logs / f"{self.name}.log"

    def invoke(self, event: bytes) -> Outcome:
        """Run an event now, and wait for it."""
        environment = self._take()
        if environment is None:
            return _THROTTLED
        if self.on_start:
            threading.Thread(target=self.on_start, args=(environment, event), daemon=True).start()
        outcome = environment.invoke(str(uuid.uuid4()), event)
        self._give_back(environment, outcome)
        return outcome

    def send(self, event: bytes) -> None:
        """Take an asynchronous event."""
        (self.on_arrival or self.run_later)(event)

    def run_later(self, event: bytes) -> None:
        """Run an asynchronous event soon, and again if it fails."""
        thread = threading.Thread(target=self._run_until_done, args=(event,), daemon=True)
        with self._lock:
            self._waiting.add(thread)
        thread.start()

    def settle(self, timeout: float) -> None:
        """Wait until no asynchronous event is left.

        Raises:
            TimeoutError: there still is one.
        """
        end = time.monotonic() + timeout
        while self._waiting:
            if time.monotonic() > end:
                raise TimeoutError(f"{self.name} still has {len(self._waiting)} events")
            time.sleep(0.02)

    def recycle(self) -> None:
        """Kill every environment; later events have new ones."""
        with self._lock:
            stopped, self._environments = self._environments, []
        for environment in stopped:
            self._note(environment)
            environment.stop()

    def stop(self) -> None:
        """Kill every environment, start no other, and forget the events that are left."""
        self._stopped.set()
        self.recycle()
        for thread in list(self._waiting):
            thread.join()

    def _run_until_done(self, event: bytes) -> None:
        try:
            self._attempts(event)
        finally:
            with self._lock:
                self._waiting.discard(threading.current_thread())

    def _attempts(self, event: bytes) -> None:
        born, attempts, throttle_wait = time.monotonic(), 0, 1
        while not self._stopped.is_set():
            outcome = self.invoke(event)
            if outcome.kind == "response" or self._stopped.is_set():
                return
            if outcome.kind == "throttle":
                wait = throttle_wait
                throttle_wait = min(2 * throttle_wait, _LONGEST_THROTTLE_WAIT)
            else:
                attempts += 1
                if attempts > self.retries:
                    self._give_up(event, outcome, attempts, "RetriesExhausted")
                    return
                wait = _RETRY_SECONDS[attempts - 1]
            if (time.monotonic() - born) * self.speed + wait > self.max_age:
                self._give_up(event, outcome, attempts, "EventAgeExceeded")
                return
            self._stopped.wait(wait / self.speed)

    def _give_up(self, event: bytes, outcome: Outcome, attempts: int, why: str) -> None:
        if self.on_failure is None:
            return
        record = {
            "version": "1.0",
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "functionArn": self.arn,
                "condition": why,
                "approximateInvokeCount": attempts,
            },
            "requestPayload": json.loads(event),
        }
        if attempts:  # an event that never ran has no response
            record["responseContext"] = {
                "statusCode": 200,
                "executedVersion": "1",
                "functionError": "Unhandled",
            }
            record["responsePayload"] = json.loads(outcome.body)
        self.on_failure(record)

    def _take(self) -> Environment | None:
        with self._lock:
            busy = sum(each.busy for each in self._environments)
            if busy >= self.reserved or self._stopped.is_set():
                self.counts["throttles"] += 1
                return None
            self.counts["invocations"] += 1
            self.counts["busiest"] = max(self.counts["busiest"], busy + 1)
            for each in self._environments:
                if not each.busy and each.process.poll() is None:
                    each.busy = True
                    return each
            self.counts["cold"] += 1
            made = self._make()
            self._environments.append(made)
            return made

    def _make(self) -> Environment:
        return Environment(
            arn=self.arn,
            handler=self.handler,
            bundle=self.bundle,
            variables=self.variables,
            timeout=self.timeout,
            memory_mb=self.memory_mb,
            log=self.log,
            may_write=self.may_write,
        )

    def _give_back(self, environment: Environment, outcome: Outcome) -> None:
        with self._lock:
            self.outcomes.append(outcome)
            self.counts["failures"] += outcome.kind != "response"
            environment.busy = False
            if outcome.kind == "crash" and environment in self._environments:
                self._environments.remove(environment)
                self._note(environment)
                environment.stop()

    def _note(self, environment: Environment) -> None:
        self.peaks_mb.append(environment.peak_rss_mb)
        self.inits.append(environment.init_seconds)


class LambdaService:
    """The Invoke API of some functions, and a door for the emulator.

    `POST /2015-03-31/functions/NAME/invocations` is Lambda's own. The emulator hands an event of a
    function on by `POST /async/NAME` or `/sync/NAME`.
    """

    def __init__(self) -> None:
        """Listen on a free port of this machine."""
        self.functions: dict[str, Function] = {}
        self._server = QuietServer(
            ("127.0.0.1", 0), type("InvokeApi", (_InvokeApi,), {"functions": self.functions})
        )
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def add(self, function: Function) -> Function:
        """Serve one more function."""
        self.functions[function.name] = function
        return function

    def stop(self) -> None:
        """Stop listening, and every function."""
        self._server.shutdown()
        self._server.server_close()
        for function in self.functions.values():
            function.stop()


class _InvokeApi(BaseHTTPRequestHandler):
    """Lambda's Invoke, version 2015-03-31."""

    functions: ClassVar[dict[str, Function]]

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def do_POST(self) -> None:
        """Invoke a function."""
        event = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}"
        door, _, name = self.path.strip("/").partition("/")
        if door not in {"async", "sync"}:
            name = self.path.split("/functions/")[1].partition("/")[0]
            name = name.rpartition("function:")[2].partition(":")[0]
        function = self.functions.get(name)
        if function is None:
            said = b'{"Type":"User","Message":"Function not found"}'
            self._send(404, said, {"x-amzn-ErrorType": "ResourceNotFoundException"})
        elif door == "async":
            function.send(event)
            self._send(200, b"{}", {})
        elif self.headers.get("X-Amz-Invocation-Type") == "Event":
            function.send(event)
            self._send(202, b"", {})
        else:
            self._invoke(function, event, plain=door == "sync")

    def _invoke(self, function: Function, event: bytes, *, plain: bool) -> None:
        outcome = function.invoke(event)
        if outcome.kind == "throttle":
            named = {"x-amzn-ErrorType": "TooManyRequestsException"}
            self._send(429, outcome.body, named)
        elif outcome.kind == "response":
            self._send(200, outcome.body, {})
        else:  # the emulator knows a failure by its status
            named = {"X-Amz-Function-Error": "Unhandled"}
            self._send(500 if plain else 200, outcome.body, named)

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
