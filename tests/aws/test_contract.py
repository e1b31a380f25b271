"""The contract of engines, for the deployed stack's workers."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from enginecontract import Bench, EngineContract

from localaws.stack import Packaged, Stack
from scrubjay.aws.engine import AwsLambdaEngine
from scrubjay.places.place import Place

_NUMBERS = count()


class _Deployed(Bench):
    """Videos and sets in the stack's buckets."""

    def __init__(self, stack: Stack, engine: AwsLambdaEngine) -> None:
        self.engine = engine
        self._stack = stack

    def put(self, video: Path) -> Place:
        """Upload a video; the stack then makes a set of its own as well."""
        key = f"videos/{next(_NUMBERS)}/{video.name}"
        self._stack.upload(video, key)
        return Place.of(f"s3://{self._stack.outputs['SourceBucketName']}/{key}")

    def remove(self, video: Place) -> None:
        """Delete a video."""
        self._stack.emulator.client("s3").delete_object(Bucket=video.bucket, Key=video.key)

    def destination(self) -> Place:
        """Name a place beside the stack's own sets."""
        return Place.of(f"{self._stack.outputs['OutputLocation']}/sets/{next(_NUMBERS)}")


@pytest.fixture(scope="module")
def deployed(packaged: Packaged) -> Iterator[Stack]:
    """A stack, and an environment in which this process uses its account."""
    with (
        pytest.MonkeyPatch.context() as patch,
        packaged.deployed("contract", Transport="lambda") as stack,
    ):
        for name, value in stack.emulator.environment().items():
            if name.startswith(("AWS_", "SSL_")):
                patch.setenv(name, value)
        yield stack


class TestDeployedStack(EngineContract):
    """The stack's workers, as `AwsLambdaEngine` uses them."""

    @pytest.fixture
    def bench(self, deployed: Stack) -> Iterator[Bench]:
        """Return the deployed stack, and an engine that is open for one test."""
        with AwsLambdaEngine(deployed.name, patience=240) as engine:
            yield _Deployed(deployed, engine)
