"""Firefox, driven by Marionette, the protocol that is built into it.

Messages are JSON arrays, each after its length and a colon. Source:
https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html.
"""

import base64
import contextlib
import json
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Self

_PREFERENCES = {
    "marionette.port": 0,  # the system chooses: several may run at once
    "media.autoplay.default": 0,
    "browser.shell.checkDefaultBrowser": False,
    "browser.aboutwelcome.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.normandy.enabled": False,
    "browser.safebrowsing.downloads.remote.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}

_DARK = {"light": 1, "dark": 0}
"""Values of `layout.css.prefers-color-scheme.content-override`."""

_PATIENCE_S = 120
"""How long to wait for the browser, which is there at once unless the machine is busy."""


class FirefoxError(Exception):
    """Firefox refused a command, or a script failed."""


class Firefox:
    """A Firefox without a window, with one tab.

    Args:
        program: where it lies.
        profile: an empty folder for its files.
        scheme: `light` or `dark`.
    """

    def __init__(self, program: str, profile: Path, *, scheme: str = "light") -> None:
        preferences = _PREFERENCES | {
            "layout.css.prefers-color-scheme.content-override": _DARK[scheme]
        }
        lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in preferences.items()]
        (profile / "user.js").write_text("\n".join(lines))
        command = [program, "--headless", "--marionette", "--no-remote", "--profile", str(profile)]
        self._process = subprocess.Popen(
            command,
            env=os.environ | {"MOZ_HEADLESS": "1", "HOME": str(profile)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._number = 0
        try:
            port = _port(profile / "MarionetteActivePort", self._process)
            self._socket = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S)
            self._file = self._socket.makefile("rwb")
            self._receive()  # it introduces itself
            self.send("WebDriver:NewSession", capabilities={"alwaysMatch": {}})
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        limit = _PATIENCE_S * 1000
        self.send("WebDriver:SetTimeouts", script=limit, pageLoad=limit)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError, FirefoxError, ValueError):
            self.send("Marionette:Quit", flags=["eForceQuit"])
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._file.close()
        self._socket.close()

    def send(self, command: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401
        """Run a command of WebDriver's and return its result."""
        self._number += 1
        data = json.dumps([0, self._number, command, parameters]).encode()
        self._file.write(b"%d:%s" % (len(data), data))
        self._file.flush()
        _, _, error, result = self._receive()
        if error:
            raise FirefoxError(f"{command}: {error['error']}: {error['message']}")
        answer: dict[str, Any] = result
        return answer

    def _receive(self) -> Any:  # noqa: ANN401
        length = b""
        while (char := self._file.read(1)) != b":":
            if not char:
                raise FirefoxError("Firefox has ended")
            length += char
        return json.loads(self._file.read(int(length)))

    def open(self, url: str) -> None:
        """Go to a page and wait until it has loaded."""
        self.send("WebDriver:Navigate", url=url)

    def size(self, width: int, height: int) -> None:
        """Give the page a size, CSS pixels."""
        self.send("WebDriver:SetWindowRect", width=width, height=height)
        inner = self.run("() => [innerWidth, innerHeight]")
        self.send(
            "WebDriver:SetWindowRect", width=2 * width - inner[0], height=2 * height - inner[1]
        )

    def run(self, function: str, *arguments: object) -> Any:  # noqa: ANN401
        """Call a function of JavaScript in the page and return what it, or its promise, gives."""
        script = f"""
            const done = arguments[arguments.length - 1];
            (async () => ({function})(...[...arguments].slice(0, -1)))()
              .then((value) => done([value]), (error) => done([null, String(error)]));"""
        sent = {"script": script, "args": list(arguments), "sandbox": None}
        value, *error = self.send("WebDriver:ExecuteAsyncScript", **sent)["value"]
        if error:
            raise FirefoxError(error[0])
        return value

    def point(self, x: float, y: float, *, press: bool = False) -> None:
        """Move the mouse to a place in the page, and press its button there or not."""
        steps: list[dict[str, Any]] = [
            {"type": "pointerMove", "x": round(x), "y": round(y), "duration": 0}
        ]
        if press:
            steps += [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        mouse = {"type": "pointer", "id": "mouse", "actions": steps}
        self.send("WebDriver:PerformActions", actions=[mouse])

    def picture(self) -> bytes:
        """Return what the page looks like, as PNG."""
        return base64.b64decode(self.send("WebDriver:TakeScreenshot", full=False)["value"])


def _port(file: Path, process: "subprocess.Popen[bytes]") -> int:
    """Wait for the port that a starting Firefox writes down."""
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError, ValueError):
            return int(file.read_text())
        time.sleep(0.05)
    raise FirefoxError("Firefox did not start")
