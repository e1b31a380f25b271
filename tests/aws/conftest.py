"""The built bundle, and an emulated account, each started once and stopped."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localaws.emulator import Emulator
from localaws.stack import Packaged, build
from localaws.tools import WORK

_CANNOT_SHOW = """\
What these tests cannot show, for want of a real account:
  - that IAM as AWS has it, and the time its changes take, agree with the emulator's
  - how fast Lambda starts environments, and what it bills for; S3's throughput; EventBridge's delay
  - EventBridge's and SNS's own retries (24 hours, 23 days) before a delivery is a dead letter
  - that the arm64 bundle runs (its files are checked, not executed)
  - Lambda's kill of a function that outgrows its memory; read-only /var/task; the account's quotas
  - EFS, VPC, CloudFront, alarms and their mails (their template is linted, no more)"""


def pytest_terminal_summary(terminalreporter: Any) -> None:  # noqa: ANN401  pytest's own
    """Say what has not been shown."""
    terminalreporter.write_line("")
    terminalreporter.write_line(_CANNOT_SHOW)


@pytest.fixture(scope="session", autouse=True)
def _environments() -> None:
    """The tools are installed by run.py."""
    if not (WORK / "image" / ".made").is_file():
        pytest.exit("the tools are not installed: run `make test-aws`", returncode=1)


@pytest.fixture(scope="session")
def built() -> Path:
    """The artifacts of `sam build` for this machine's kind of processor."""
    return build("x86_64")


@pytest.fixture(scope="session")
def bundle(built: Path) -> Path:
    """The folder that both functions are made of."""
    (folder,) = (path for path in built.iterdir() if path.is_dir())
    return folder


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """One emulated account for all tests; every stack has its own name."""
    folder = tmp_path_factory.mktemp("emulator")
    running = Emulator(folder)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def packaged(emulator: Emulator, built: Path, tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    """The built template, uploaded."""
    return Packaged.upload(emulator, built, tmp_path_factory.mktemp("packaged"))


@pytest.fixture(scope="session")
def clip(small_clip: Path) -> Path:
    """The smallest clip: what happens to its slices is tested here, and not their pictures."""
    return small_clip


@pytest.fixture(scope="session")
def film(media: Path) -> Path:
    """40 s of a real camera: 640 x 360 px H.264, a keyframe every 8.4 s."""
    return media / "real" / "camera_bottle_40s.mp4"
