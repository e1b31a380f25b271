"""What a person sets: recipes and settings, from flags, environment and files.

This is the only module that reads the environment or a configuration file. A flag wins over the
environment (`SCRUBJAY_*`), that over the file, that over the default.
"""

import tomllib
from collections.abc import Mapping
from fractions import Fraction
from functools import reduce
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta

from scrubjay.errors import RecipeError
from scrubjay.model import PRESETS, Recipe, decode_as, exact

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


def load_recipe(flags: Mapping[str, object], base: str = "classic") -> Recipe:
    """Combine a preset or a recipe file with flags.

    Args:
        flags: by dotted field name, such as "animations.fps"; None is not given.
        base: the name of a preset, or the path of a TOML file with the fields that differ from the
            preset that its `preset` names, or from `classic`.

    Raises:
        RecipeError: a field is unknown or its value wrong; the text names it.
    """
    if base not in PRESETS and not Path(base).exists():
        raise RecipeError(f"recipe {base} is no file, and no preset: {', '.join(PRESETS)}")
    written: _Tree = {"preset": base} if base in PRESETS else _read(Path(base))
    tree = _preset(written.pop("preset", "classic"))
    _overlay(tree, written)
    for name, value in flags.items():
        if value is not None:
            *path, leaf = name.split(".")
            _overlay(tree, reduce(lambda inner, step: {step: inner}, reversed(path), {leaf: value}))
    where = "recipe" if base in PRESETS else f"recipe {base}"
    try:
        return decode_as(tree, Recipe)
    except msgspec.ValidationError as exc:
        raise RecipeError(f"{where}: {_placed(exc)}") from exc


def _preset(name: object) -> _Tree:
    """Return a preset's fields, to be changed."""
    if not isinstance(name, str) or name not in PRESETS:
        raise RecipeError(f"recipe: no preset is called {name!r}; there are {', '.join(PRESETS)}")
    plain: _Tree = msgspec.to_builtins(PRESETS[name], builtin_types=(Fraction,))
    return plain


def _overlay(tree: _Tree, changes: _Tree) -> None:
    """Put the changed fields of a recipe over those that are there, section by section."""
    for name, value in changes.items():
        inner: object = tree.get(name)
        if isinstance(value, dict) and isinstance(inner, dict):
            _overlay(cast("_Tree", inner), cast("_Tree", value))
        else:
            tree[name] = value


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
