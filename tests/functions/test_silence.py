"""What a person hears while the workers of a stack say nothing."""

from fractions import Fraction
from pathlib import Path

import pytest
from smallcloud import BUS, FAILED, LATER, LOST, SOURCE_BUCKET, Cloud

import scrubjay
from scrubjay.aws.engine import AwsLambdaEngine
from scrubjay.aws.stack import Outputs, Stack
from scrubjay.engines.inline import InlineEngine
from scrubjay.engines.queue import engine
from scrubjay.errors import OutOfTimeError
from scrubjay.model import Recipe


@pytest.mark.parametrize("uneasy", [0.5, 60])
def test_a_minute_s_silence_is_explained(
    cloud: Cloud, clip: Path, monkeypatch: pytest.MonkeyPatch, uneasy: float
) -> None:
    """After a minute without news a person is told, once, how many were sent and where to look."""
    monkeypatch.setattr(engine, "_UNEASY", uneasy)
    cloud.upload(clip, "movie.mp4")
    stack = Stack("previews")
    stack.__dict__["outputs"] = Outputs(
        source_bucket_name=SOURCE_BUCKET,
        output_location="s3://gifs/previews",
        planner_function_arn="planner",
        worker_function_arn="worker",
        transport="eventbridge",
        transport_target=BUS,
        event_bus_name=BUS,
        delivery_dead_letter_queue_url=cloud.url(LOST),
        worker_dead_letter_queue_url=cloud.url(FAILED),
    )
    heard: list[str] = []
    with (
        AwsLambdaEngine(
            stack, patience=3, local=InlineEngine(), on_silence=heard.append
        ) as running,
        pytest.raises(OutOfTimeError),
    ):
        scrubjay.make(
            f"s3://{SOURCE_BUCKET}/movie.mp4",
            "s3://gifs/previews/movie.mp4",
            recipe=Recipe(slice_length=Fraction(4)),
            engine=running,
        )
    assert len(cloud.take(LATER)) == 3
    if uneasy < 3:
        [text] = heard
        assert text.startswith("3 slices were sent to the workers; 3 are missing")
        assert "scrubjay aws status --stack previews" in text
    else:
        assert heard == []
