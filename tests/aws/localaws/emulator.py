"""The emulated AWS: ministack in a process of its own, with IAM and signatures enforced.

It speaks HTTPS alone, with a certificate that has to be checked: bucket policies refuse plain HTTP.
"""

import os
import shutil
import signal
import ssl
import subprocess
from pathlib import Path
from typing import Any

import boto3
import trustme
from botocore.config import Config
from starting import responds, started

from localaws.tools import python, scrubbed

__all__ = ["Emulator"]

ROOT_KEY = "test"
"""Any key that was not issued is the account's root."""


class Emulator:
    """One emulated account, in memory.

    Args:
        folder: for its temporary files; each of its functions' environments unpacks a bundle here.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "emulator.log"
        self.ca_file = folder / "ca.pem"
        """The only authority that its clients trust."""
        try:
            self._process, port = started(self._start, self._answers)
        except (AssertionError, TimeoutError) as error:
            error.add_note(self.log())
            raise
        self.url = f"https://127.0.0.1:{port}"

    def _start(self, port: int) -> subprocess.Popen[bytes]:
        temporary = self._folder / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.ca_file))
        certificate = self._folder / "server.pem"
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
            str(certificate)
        )
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._folder),
            "TMPDIR": str(temporary),
            "AUTH": "true",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "MINISTACK_HOST": "127.0.0.1",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "1",
            "USE_SSL": "1",
            "MINISTACK_SSL_CERT": str(certificate),
            "MINISTACK_SSL_KEY": str(certificate),
            # functions inherit all this; these make them trust the certificate
            **self.trust(),
            "AWS_EC2_METADATA_DISABLED": "true",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [python("emulator"), str(Path(__file__).with_name("linking.py"))],
                env=environment,
                cwd=self._folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _answers(self, port: int) -> bool:
        health = f"https://127.0.0.1:{port}/_ministack/health"
        trusting = ssl.create_default_context(cafile=str(self.ca_file))
        return responds(health, trusting)

    def log(self) -> str:
        """What it has printed, its functions' output included."""
        return self._log.read_text(errors="replace")

    def client(self, service: str, credentials: dict[str, str] | None = None) -> Any:  # noqa: ANN401
        """Return boto3's client of a service, as the account's root or with a role's keys."""
        keys = credentials or {"AccessKeyId": ROOT_KEY, "SecretAccessKey": ROOT_KEY}
        config: dict[str, Any] = {
            "retries": {"max_attempts": 1},
            "s3": {"addressing_style": "path"},
        }
        options: dict[str, Any] = {
            "endpoint_url": self.url,
            "region_name": "us-east-1",
            "aws_access_key_id": keys["AccessKeyId"],
            "aws_secret_access_key": keys["SecretAccessKey"],
            "aws_session_token": keys.get("SessionToken"),
            "verify": str(self.ca_file),
            "config": Config(**config),
        }
        return boto3.client(service, **options)

    def environment(self) -> dict[str, str]:
        """The environment of a program that uses the emulated account as its root."""
        return scrubbed(
            AWS_ENDPOINT_URL=self.url,
            AWS_ACCESS_KEY_ID=ROOT_KEY,
            AWS_SECRET_ACCESS_KEY=ROOT_KEY,
            **self.trust(),
        )

    def trust(self) -> dict[str, str]:
        """Variables that make a program trust the emulator's certificate, and no other."""
        return {"SSL_CERT_FILE": str(self.ca_file), "AWS_CA_BUNDLE": str(self.ca_file)}

    def stop(self) -> None:
        """Kill it with all that it runs, and delete its files."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        shutil.rmtree(self._folder / "tmp", ignore_errors=True)
