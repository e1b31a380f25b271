"""Prices, from a dated TOML file that a person can replace."""

import datetime as dt
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from scrubjay.errors import PriceError

__all__ = ["Prices", "load_prices", "shipped_prices"]

_Price = Annotated[float, Meta(ge=0)]


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    source: str
    """Where the prices come from."""


class FunctionSeconds(_Table, frozen=True, kw_only=True):
    """Of a GB and second of a function."""

    arm64: _Price
    x86_64: _Price


class Single(_Table, frozen=True, kw_only=True):
    """One price."""

    price: _Price


class Transports(_Table, frozen=True, kw_only=True):
    """Of an event, or of a request to a queue."""

    eventbridge: _Price
    sns: _Price
    lambda_: _Price = msgspec.field(name="lambda")
    sqs: _Price


class Storage(_Table, frozen=True, kw_only=True):
    """Of requests to a bucket, and of what lies in it."""

    put: _Price
    get: _Price
    gb_month: _Price


class Prices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a cloud charges in one region."""

    region: str
    currency: str
    date: dt.date
    """On which the prices were looked up."""
    function_gb_second: FunctionSeconds
    function_request: Single
    provisioned_gb_second: Single
    transport: Transports
    storage: Storage


def shipped_prices() -> dict[str, Path]:
    """Return the files of the prices that come with Scrubjay, by name."""
    folder = Path(str(files("scrubjay.prices")))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load_prices(name: str) -> Prices:
    """Read prices.

    Args:
        name: of a file, or of prices that come with Scrubjay, such as "aws-us-east-1".

    Raises:
        PriceError: there are none of that name, or one is missing or wrong; the text says which.
    """
    path = shipped_prices().get(name) or Path(name)
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), Prices)
    except FileNotFoundError:
        raise PriceError(
            f"{name}: no such file, and no prices of that name (there are: "
            f"{', '.join(shipped_prices())})"
        ) from None
    except (OSError, UnicodeDecodeError) as exc:
        raise PriceError(f"{name}: cannot be read: {exc}") from exc
    except tomllib.TOMLDecodeError as exc:
        raise PriceError(f"{name}: not TOML: {exc}") from exc
    except msgspec.ValidationError as exc:
        problem, _, where = str(exc).partition(" - at `$")
        field = where.strip("`").strip(".") or "the file"
        raise PriceError(f"{name}: {field}: {problem[:1].lower()}{problem[1:]}") from exc
