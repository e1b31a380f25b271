"""Recipes and settings, from flags, the environment and files.

This is the only module that reads the environment or a configuration file. A flag overrides the
environment (`SCRUBJAY_*`), which overrides the file, which overrides the default.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, cast, get_type_hints

import msgspec
from msgspec import Meta

from scrubjay.errors import RecipeError
from scrubjay.limits import Limits
from scrubjay.media.sniffing import VIDEO_SUFFIXES
from scrubjay.model import KINDS, PRESETS, WEB_ADDRESS, Recipe, decode_as, exact, in_words
from scrubjay.sandbox.confinement import Sandbox

__all__ = [
    "ClusterSettings",
    "FunctionSettings",
    "Settings",
    "function_recipe",
    "load_cluster_settings",
    "load_function_settings",
    "load_limits",
    "load_recipe",
    "load_settings",
]

_Tree = dict[str, Any]
S = TypeVar("S", bound=msgspec.Struct)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How work runs on this machine; no setting changes what is made."""

    workers: Annotated[
        int, Meta(ge=0, le=1024, description="Worker processes; 0 is one for each core.")
    ] = 0
    attempts: Annotated[
        int, Meta(ge=1, le=100, description="Attempts for a slice whose worker dies.")
    ] = 3
    stall_timeout: Annotated[
        float, Meta(gt=0, description="Seconds without progress before a worker is killed.")
    ] = 60
    strict: Annotated[
        bool, Meta(description="Stop at the first damage in a video and publish nothing.")
    ] = False
    private_addresses: Annotated[
        bool,
        Meta(description="Allow web addresses in private networks and on this machine."),
    ] = True
    sandbox: Annotated[
        Sandbox,
        Meta(
            description="Confine workers: auto, as far as this machine can; require, fully or not "
            "at all; or off.",
            extra={"metavar": "auto|require|off"},
        ),
    ] = "auto"
    endpoint: Annotated[
        str,
        Meta(
            pattern=WEB_ADDRESS,
            description="URL of an S3-compatible server other than Amazon's.",
        ),
    ] = ""


class ClusterSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the queue of a cluster is."""

    database: Annotated[
        str,
        Meta(
            description="The queue's PostgreSQL database: postgresql://USER@HOST/NAME. What it "
            "leaves out, PGHOST, PGPASSWORD and ~/.pgpass say."
        ),
    ] = ""


class FunctionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the functions on AWS, from environment variables such as `SCRUBJAY_OUTPUT`."""

    output: Annotated[
        str, Meta(min_length=1, description="Where sets are: `s3://bucket/prefix` or a folder.")
    ]
    source_bucket: Annotated[
        str, Meta(description="Bucket of the videos of events that name no bucket.")
    ] = ""
    transport: Annotated[
        Literal["eventbridge", "sns", "lambda", "sqs"],
        Meta(description="What carries slices to workers."),
    ] = "eventbridge"
    target: Annotated[
        str,
        Meta(
            description="Where slices are sent: name of a bus, ARN of a topic or function, URL of "
            "a queue."
        ),
    ] = ""
    event_bus: Annotated[
        str, Meta(description="Bus to which `previewsReady` is sent; if empty, it is not sent.")
    ] = ""
    recipe: Annotated[str, Meta(description="Name of a preset, or a recipe as TOML text.")] = (
        "classic"
    )
    slice_length: Annotated[
        str, Meta(description="Seconds of video in a slice; if empty or 0, as in the recipe.")
    ] = ""
    generate_frames: Annotated[
        bool, Meta(description="`false` makes no stills, whatever the recipe says.")
    ] = True
    track_clock: Annotated[
        Literal["auto", "media", "zero"],
        Meta(
            description="Clock of the tracks: `media` is the video's own, `zero` begins at 0, "
            "`auto` is the one that most players need."
        ),
    ] = "auto"
    sandbox: Annotated[
        Sandbox,
        Meta(description="How the process that decodes is confined: `auto`, `require` or `off`."),
    ] = "auto"
    suffixes: Annotated[
        str, Meta(description="Suffixes of the keys of videos, in lower or upper case.")
    ] = VIDEO_SUFFIXES


def load_settings(
    flags: Mapping[str, object], environ: Mapping[str, str], file: Path | None = None
) -> Settings:
    """Combine flags, environment and file.

    Args:
        flags: by field name; None means that the flag is not given.
        environ: the process's environment.
        file: a TOML file; by default the one that `$SCRUBJAY_CONFIG` names, if any.

    Raises:
        RecipeError: a value is wrong; the text names it.
    """
    tree = _settings_file(environ, file)
    tree.pop("limits", None)
    return _checked(tree, environ, flags, Settings)


def load_limits(
    flags: Mapping[str, object], environ: Mapping[str, str], file: Path | None = None
) -> Limits:
    """Combine flags, environment and the file's table `limits`.

    Args:
        flags: by field name; None means that the flag is not given.
        environ: the process's environment.
        file: as for `load_settings`.

    Raises:
        RecipeError: a value is wrong; the text names it.
    """
    tree = _settings_file(environ, file).get("limits", {})
    if not isinstance(tree, dict):
        raise RecipeError("settings: limits: expected a section")
    return _checked(_plain(cast("_Tree", tree)), environ, flags, Limits)


def _settings_file(environ: Mapping[str, str], file: Path | None) -> _Tree:
    """Read the file of settings, if there is one."""
    named = environ.get("SCRUBJAY_CONFIG")
    path = file or (Path(named) if named else None)
    return _plain(_read(path)) if path else {}


def _plain(tree: _Tree) -> _Tree:
    """Convert exact numbers to floats, which settings need."""
    return {name: float(v) if isinstance(v, Fraction) else v for name, v in tree.items()}


def load_cluster_settings(
    flags: Mapping[str, object], environ: Mapping[str, str]
) -> ClusterSettings:
    """Combine flags and environment.

    Args:
        flags: by field name; None means that the flag is not given.
        environ: the process's environment.
    """
    return _checked({}, environ, flags, ClusterSettings)


def load_function_settings(environ: Mapping[str, str]) -> FunctionSettings:
    """Read a function's settings from its environment, `SCRUBJAY_*`.

    Raises:
        RecipeError: a setting is missing or wrong; the text names it.
    """
    return _checked({}, environ, {}, FunctionSettings)


def _checked(
    file: _Tree, environ: Mapping[str, str], flags: Mapping[str, object], kind: type[S]
) -> S:
    """Combine the file, the environment and flags, the later over the earlier, and check them."""
    tree = dict(file)
    for name in kind.__struct_fields__:
        variable = _variable(name)
        if variable in environ:
            tree[name] = environ[variable]
        if flags.get(name) is not None:
            tree[name] = flags[name]
    try:
        return msgspec.convert(tree, kind, strict=False)
    except msgspec.ValidationError as exc:
        message = _placed(exc)
        name = message.partition(":")[0]
        is_from_environment = flags.get(name) is None and _variable(name) in environ
        raise RecipeError(
            f"{_variable(name)}{message.removeprefix(name)}"
            if is_from_environment
            else f"settings: {message}"
        ) from exc


def _variable(name: str) -> str:
    return f"SCRUBJAY_{name.upper()}"


def function_recipe(settings: FunctionSettings) -> Recipe:
    """Return the recipe that a function renders.

    Raises:
        RecipeError: the recipe, or a setting that changes it, is wrong; the text names the field.
    """
    written: _Tree = {"preset": settings.recipe}
    if settings.recipe not in PRESETS:
        import tomllib  # noqa: PLC0415  few recipes are written so

        try:
            written = tomllib.loads(settings.recipe, parse_float=_decimal)
        except (tomllib.TOMLDecodeError, ValueError) as exc:
            raise RecipeError(
                f"SCRUBJAY_RECIPE is neither a preset ({', '.join(PRESETS)}) nor TOML: {exc}"
            ) from exc
    flags: _Tree = (
        {} if settings.slice_length in {"", "0"} else {"slice_length": settings.slice_length}
    )
    if not settings.generate_frames:
        flags["frames"] = False
    return _combined(written, flags, where="SCRUBJAY_RECIPE")


def load_recipe(
    flags: Mapping[str, object], base: str = "classic", added: Iterable[str] = ()
) -> Recipe:
    """Combine a preset or a recipe file with flags.

    Args:
        flags: by dotted field name, such as "animations.fps", or by kind: "animations" says whether
            there are any. None means that the flag is not given.
        base: the name of a preset, or the path of a TOML file with the fields that differ from the
            preset that its `preset` names, or from `classic`.
        added: more outputs, each a kind and its fields: "animations,name=small,width=160".

    Raises:
        RecipeError: a field is unknown or its value wrong; the text names it.
    """
    if base not in PRESETS and not Path(base).exists():
        raise RecipeError(
            f"recipe {base} is neither a file nor a preset; the presets are {', '.join(PRESETS)}"
        )
    written: _Tree = {"preset": base} if base in PRESETS else _read(Path(base))
    where = "recipe" if base in PRESETS else f"recipe {base}"
    return _combined(written, flags, added, where=where)


def _combined(
    written: _Tree, flags: Mapping[str, object], added: Iterable[str] = (), *, where: str
) -> Recipe:
    """Combine a preset, what was written, and flags, each over the one before."""
    tree = _preset(written.pop("preset", "classic"))
    for name, value in written.items():
        tree[name] = _overlaid(tree[name], value) if name in KINDS else value
    for name, value in flags.items():
        if value is not None:
            _set(tree, name, value)
    for text in added:
        kind, fields = _parsed(text)
        if isinstance(tree[kind], list):  # otherwise the recipe's own check refuses it
            tree[kind] = [*tree[kind], fields]
    try:
        return decode_as(tree, Recipe)
    except msgspec.ValidationError as exc:
        raise RecipeError(f"{where}: {_named(_placed(exc), tree)}") from exc


def _named(sentence: str, tree: _Tree) -> str:
    """Remove the number of a kind's only output, because people write `[frames]`."""
    kind = sentence.partition("[")[0]
    is_only = kind in KINDS and len(tree[kind]) == 1
    return sentence.replace(f"{kind}[0]", kind, 1) if is_only else sentence


def _preset(name: object) -> _Tree:
    """Return a preset's fields in a new dictionary."""
    if not isinstance(name, str) or name not in PRESETS:
        raise RecipeError(f"recipe: unknown preset {name!r}; choose from {', '.join(PRESETS)}")
    plain: _Tree = msgspec.to_builtins(PRESETS[name], builtin_types=(Fraction,))
    return {name: list(value) if name in KINDS else value for name, value in plain.items()}


def _overlaid(outputs: list[_Tree], written: object) -> object:
    """Return a kind's outputs as written: `[[frames]]` is a list, `[frames]` changes the only one.

    Anything else is returned as it is; the recipe's own check refuses it.
    """
    if not isinstance(written, dict):
        return written
    fields = cast("_Tree", written)
    place = _only(outputs)
    if place is None or (_is_whole(outputs[place]) and not _is_whole(fields)):
        return [*(each for each in outputs if _is_whole(each)), fields]
    return [*outputs[:place], outputs[place] | fields, *outputs[place + 1 :]]


def _only(outputs: Sequence[object]) -> int | None:
    """Return the place of a kind's only output, or of its only one that slices have."""
    sliced = [place for place, each in enumerate(outputs) if not _is_whole(each)]
    chosen = sliced or range(len(outputs))
    return chosen[0] if len(chosen) == 1 else None


def _is_whole(output: object) -> bool:
    """Whether an output is made once for the whole video."""
    return isinstance(output, dict) and cast("_Tree", output).get("per") == "video"


def _set(tree: _Tree, name: str, value: object) -> None:
    """Set one field of a recipe from a flag."""
    kind, _, field = name.partition(".")
    if kind not in KINDS:
        tree[name] = value
        return
    outputs: object = tree[kind]
    if not isinstance(outputs, list):  # the recipe's own check refuses it
        return
    known = cast("list[object]", outputs)
    if not field:
        has_one = any(not _is_whole(each) for each in known)
        tree[kind] = (known if has_one else [*known, {}]) if value else []
        return
    place = _only(known)
    if place is None:
        raise RecipeError(
            f"recipe: {name} is set, but the recipe has {len(known) or 'no'} outputs of that kind; "
            + ("set it in the recipe file instead" if known else f"add --{kind}")
        )
    if isinstance(known[place], dict):
        changed = cast("_Tree", known[place]) | {field: value}
        tree[kind] = [*known[:place], changed, *known[place + 1 :]]


def _parsed(text: str) -> tuple[str, _Tree]:
    """Parse an output as the command line writes it."""
    kind, *fields = text.split(",")
    pairs = [field.partition("=") for field in fields]
    if kind not in KINDS or not all(sign for _, sign, _ in pairs):
        raise RecipeError(
            f"--add-output {text!r} is not valid; write a kind ({', '.join(KINDS)}) and its "
            "fields, such as animations,name=small,width=160"
        )
    types = get_type_hints(KINDS[kind])
    return kind, {
        name: _whole(value) if types.get(name) is int else value for name, _, value in pairs
    }


def _whole(text: str) -> int | str:
    """Return a whole number, or the text if it is not one: its field refuses it."""
    try:
        return int(text)
    except ValueError:
        return text


def _read(path: Path) -> _Tree:
    """Read a TOML file; its decimal numbers become exact fractions."""
    import tomllib  # noqa: PLC0415  few recipes are written so

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
    """Return a decimal number exactly; `nan` and the like stay floats, which fields refuse."""
    try:
        return exact(text)
    except ValueError:
        return float(text)


def _placed(error: msgspec.ValidationError) -> str:
    """Put the field's name first: "animations.width: expected a whole number >= 1"."""
    what, _, place = in_words(error).partition(" - at `$")
    where = place.strip("`.")
    sentence = what[:1].lower() + what[1:]
    return f"{where}: {sentence}" if where else sentence
