"""What a person sets: recipes and settings, from flags, environment and files.

This is the only module that reads the environment or a configuration file. A flag wins over the
environment (`SCRUBJAY_*`), that over the file, that over the default.
"""

import tomllib
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta

from scrubjay.errors import RecipeError
from scrubjay.model import Recipe, decode_as, exact

__all__ = ["Settings", "load_recipe", "load_settings"]

_Tree = dict[str, Any]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How work is run on this machine; it changes nothing in what is made."""

    workers: Annotated[
        int, Meta(ge=0, le=1024, description="Worker processes; 0 is one for each core.")
    ] = 0
    attempts: Annotated[
        int, Meta(ge=1, le=100, description="Tries for a slice whose worker dies.")
    ] = 3
    stall_timeout: Annotated[
        float, Meta(gt=0, description="Seconds without progress before a worker is ended.")
    ] = 60
    memory_limit: Annotated[int, Meta(ge=128, description="MiB that one worker may allocate.")] = (
        2048
    )


def load_settings(
    flags: Mapping[str, object], environ: Mapping[str, str], file: Path | None = None
) -> Settings:
    """Combine flags, environment and file.

    Args:
        flags: by field name; None is not given.
        environ: the process's environment.
        file: a TOML file; None is `$SCRUBJAY_CONFIG`, and nothing if that is not set.

    Raises:
        RecipeError: a value is wrong; the text names it.
    """
    named = environ.get("SCRUBJAY_CONFIG")
    path = file or (Path(named) if named else None)
    tree = _read(path) if path else {}
    tree = {name: float(v) if isinstance(v, Fraction) else v for name, v in tree.items()}
    for field in msgspec.structs.fields(Settings):
        variable = f"SCRUBJAY_{field.name.upper()}"
        if variable in environ:
            tree[field.name] = environ[variable]
        if flags.get(field.name) is not None:
            tree[field.name] = flags[field.name]
    try:
        return msgspec.convert(tree, Settings, strict=False)
    except msgspec.ValidationError as exc:
        raise RecipeError(f"settings: {_placed(exc)}") from exc


def load_recipe(flags: Mapping[str, object], file: Path | None = None) -> Recipe:
    """Combine a recipe file with flags.

    Args:
        flags: by dotted field name, such as "animations.fps"; None is not given.
        file: a TOML file with the fields that differ from the `classic` recipe.

    Raises:
        RecipeError: a field is unknown or its value wrong; the text names it.
    """
    tree = _read(file) if file else {}
    for name, value in flags.items():
        if value is not None:
            *path, leaf = name.split(".")
            branch = tree
            for step in path:
                branch = _branch(branch, step)
            branch[leaf] = value
    where = f"recipe {file}" if file else "recipe"
    try:
        return decode_as(tree, Recipe)
    except msgspec.ValidationError as exc:
        raise RecipeError(f"{where}: {_placed(exc)}") from exc


def _branch(tree: _Tree, step: str) -> _Tree:
    branch: object = tree.setdefault(step, {})
    if not isinstance(branch, dict):
        raise RecipeError(f"recipe: {step} is a section, not a value")
    return cast("_Tree", branch)


def _read(path: Path) -> _Tree:
    """Read a TOML file; its decimal numbers become exact fractions."""
    try:
        with path.open("rb") as file:
            return tomllib.load(file, parse_float=_decimal)
    except FileNotFoundError:
        raise RecipeError(f"{path} does not exist") from None
    except (OSError, UnicodeDecodeError) as exc:
        raise RecipeError(f"{path} cannot be read: {exc}") from exc
    except (tomllib.TOMLDecodeError, ValueError) as exc:
        raise RecipeError(f"{path} is not TOML: {exc}") from exc


def _decimal(text: str) -> Fraction | float:
    """Return a decimal number exactly; what is none (`nan`) stays, for its field to refuse."""
    try:
        return exact(text)
    except ValueError:
        return float(text)


def _placed(error: msgspec.ValidationError) -> str:
    """Put the field's name first: "animations.width: expected `int` >= 1"."""
    what, _, place = str(error).partition(" - at `$")
    where = place.strip("`.")
    sentence = what[:1].lower() + what[1:]
    return f"{where}: {sentence}" if where else sentence
