"""An emulated S3 on this machine: ministack, which `make test` installs, in its own process."""

import os
import signal
import subprocess
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Self, cast

import obstore
from obstore.store import S3Store
from starting import responds, started

from scrubjay.places.clouds import open_bucket
from scrubjay.places.place import Place
from scrubjay.places.signing import LIFETIME, sign_s3

PROGRAM = Path(__file__).parents[2] / ".aws" / "emulator" / "bin" / "ministack"

KEYS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
}


class S3Server:
    """One emulated account, in memory, which checks signatures.

    Args:
        folder: for its files and its log.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process, port = started(
            self._start, lambda port: responds(f"http://127.0.0.1:{port}/_ministack/health")
        )
        self.url = f"http://127.0.0.1:{port}"

    def _start(self, port: int) -> "subprocess.Popen[bytes]":
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._folder),
            "TMPDIR": str(self._folder),
            "AUTH": "true",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "MINISTACK_HOST": "127.0.0.1",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
        }
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                [PROGRAM], env=environment, stdout=log, stderr=log, start_new_session=True
            )

    def put(self, bucket: str, key: str = "", data: bytes = b"") -> None:
        """Write an object under any key, or make a bucket."""
        place = Place.of(f"s3://{bucket}/{key}", endpoint=self.url)
        opened = cast("S3Store", open_bucket(place))
        if key:
            url = sign_s3(opened, place, datetime.now(UTC), method="PUT")
        else:
            url = obstore.sign(opened, "PUT", "", LIFETIME)
        request = urllib.request.Request(url, data, method="PUT")  # noqa: S310  on this machine
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
            assert response.status == 200

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
