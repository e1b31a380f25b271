"""Requests and money: what a cloud charges for a set."""

from typing import Literal, TypeAlias

import msgspec

from scrubjay.estimating.values import Money, Range, Requests
from scrubjay.prices.book import Prices

__all__ = ["EngineKind", "Functions", "Profile", "Transport", "charged", "events_of", "requests_of"]

EngineKind: TypeAlias = Literal["local", "procrastinate", "aws-lambda"]
Transport: TypeAlias = Literal["eventbridge", "sns", "lambda", "sqs"]

_GETS_OF_A_SLICE = 6
"""Beside one for the record of each output (docs/aws/cost.md)."""

_GETS_OF_THE_PLANNER = 70
"""To identify the video."""

_GETS_TO_READ = 2
"""Of a video in a bucket, for each time that it is opened and read from one place."""


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """Where slices are made."""

    engine: EngineKind = "local"
    workers: int = 2
    """Slices that are made at once: worker processes, or functions that may run."""
    transport: Transport = "eventbridge"
    """What carries slices to functions."""
    memory_mb: int = 1769
    """Of a function."""
    architecture: Literal["arm64", "x86_64"] = "arm64"
    """Of a function."""
    is_remote: bool = False
    """Whether the video is on a server."""


class Functions(msgspec.Struct, frozen=True, kw_only=True):
    """What functions did."""

    seconds: Range
    """That are billed."""
    calls: int


def requests_of(
    profile: Profile, *, slices: int, records: int, objects: int, openings: int, folders: int
) -> Requests:
    """Count the requests to the bucket of a set, and to that of its video.

    Args:
        profile: where slices are made.
        slices: how many.
        records: of all slices.
        objects: of the set.
        openings: how often the video is opened, or read from another place.
        folders: of the set's outputs and their records.
    """
    if profile.engine == "local":
        reading = _GETS_OF_THE_PLANNER + openings * _GETS_TO_READ if profile.is_remote else 0
        return Requests(put=objects, get=reading, list=2 * folders)
    gets = _GETS_OF_THE_PLANNER + slices * _GETS_OF_A_SLICE + 2 * records
    return Requests(put=objects, get=gets, list=2 + folders)


def events_of(profile: Profile, slices: int, prices: Prices) -> float:
    """Return what carrying slices to functions costs."""
    if profile.engine != "aws-lambda":
        return 0.0
    match profile.transport:
        case "eventbridge":
            return slices * prices.transport.eventbridge
        case "sns":
            return slices * prices.transport.sns
        case "lambda":
            return slices * prices.transport.lambda_
        case "sqs":  # a tenth of a send, a receipt and a deletion
            return slices * 2.1 * prices.transport.sqs


def charged(
    profile: Profile,
    prices: Prices,
    *,
    functions: Functions | None,
    slices: int,
    requests: Requests,
    size_bytes: Range,
) -> Money:
    """Return what all of it costs; where no functions work, only what a bucket costs."""
    compute, calls = Range.exactly(0), 0
    if functions is not None:
        a_gb_second = prices.function_gb_second
        price = a_gb_second.x86_64 if profile.architecture == "x86_64" else a_gb_second.arm64
        compute = functions.seconds * (profile.memory_mb / 1024 * price)
        calls = functions.calls
    known = (
        calls * prices.function_request.price,
        events_of(profile, slices, prices),
        (requests.put + requests.list) * prices.storage.put,
        requests.get * prices.storage.get,
    )
    return Money(
        currency=prices.currency,
        region=prices.region,
        prices=prices.date.isoformat(),
        compute=compute,
        requests=known[0],
        events=known[1],
        puts=known[2],
        gets=known[3],
        total=compute.plus(sum(known)),
        storage_month=size_bytes * (prices.storage.gb_month / 1e9),
    )
