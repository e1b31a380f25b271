"""What a person sets: recipes and settings, from flags, environment and files.

This is the only module that reads the environment or a configuration file. A flag wins over the
environment (`SCRUBJAY_*`), that over the file, that over the default.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, cast, get_type_hints

import msgspec
from msgspec import Meta

from scrubjay.errors import RecipeError
from scrubjay.limits import Limits
from scrubjay.model import KINDS, PRESETS, Recipe, decode_as, exact
from scrubjay.sandbox.confinement import Sandbox

__all__ = [
    "FunctionSettings",
    "Settings",
    "function_recipe",
    "load_function_settings",
    "load_limits",
    "load_recipe",
    "load_settings",
]

_Tree = dict[str, Any]
S = TypeVar("S", bound=msgspec.Struct)


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
    strict: Annotated[
        bool, Meta(description="Make nothing of a damaged video: end at the first damage.")
    ] = False
    private_addresses: Annotated[
        bool,
        Meta(description="Read videos at web addresses in private networks, and on this machine."),
    ] = True
    sandbox: Annotated[
        Sandbox,
        Meta(
            description="Confine workers: auto as far as this machine can, require wholly, or off.",
            extra={"metavar": "auto|require|off"},
        ),
    ] = "auto"
    endpoint: Annotated[
        str,
        Meta(
            pattern="^(https?://.+)?$",
            description="URL of a server that speaks S3 and is not Amazon's.",
        ),
    ] = ""


class FunctionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the functions of the cloud door are run: their environment, in capital letters."""

    output: Annotated[
        str, Meta(min_length=1, description="Where sets lie: `s3://bucket/prefix` or a folder.")
    ]
    source_bucket: Annotated[
        str, Meta(description="Bucket of the videos of events that name none.")
    ] = ""
    transport: Annotated[
        Literal["eventbridge", "sns", "lambda", "sqs"],
        Meta(description="What carries slices to workers."),
    ] = "eventbridge"
    target: Annotated[
        str, Meta(description="Where slices go: name of a bus, ARN of a topic or function, URL.")
    ] = ""
    event_bus: Annotated[
        str, Meta(description="Bus on which `previewsReady` is said; nothing is said if empty.")
    ] = ""
    recipe: Annotated[str, Meta(description="Name of a preset, or a recipe as TOML text.")] = (
        "classic"
    )
    slice_length: Annotated[
        str, Meta(description="Seconds of video in a slice; the recipe's own if empty or 0.")
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
        str, Meta(description="What a video's key ends in, in small or capital letters.")
    ] = (
        ".3gp .asf .avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .mxf .ogv .ts .vob .webm "
        ".wmv"
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
    tree = _settings_file(environ, file)
    tree.pop("limits", None)
    return _checked(tree, environ, flags, Settings)


def load_limits(
    flags: Mapping[str, object], environ: Mapping[str, str], file: Path | None = None
) -> Limits:
    """Combine flags, environment and the file's table `limits`.

    Args:
        flags: by field name; None is not given.
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
    """Make exact numbers ordinary ones: no setting needs more."""
    return {name: float(v) if isinstance(v, Fraction) else v for name, v in tree.items()}


def load_function_settings(environ: Mapping[str, str]) -> FunctionSettings:
    """Read a function's settings from its environment, `SCRUBJAY_*`.

    Raises:
        RecipeError: one is missing or wrong; the text names it.
    """
    return _checked({}, environ, {}, FunctionSettings)


def _checked(
    file: _Tree, environ: Mapping[str, str], flags: Mapping[str, object], wanted: type[S]
) -> S:
    """Put the environment over the file, and flags over both, and check the whole."""
    tree = dict(file)
    for name in wanted.__struct_fields__:
        variable = _variable(name)
        if variable in environ:
            tree[name] = environ[variable]
        if flags.get(name) is not None:
            tree[name] = flags[name]
    try:
        return msgspec.convert(tree, wanted, strict=False)
    except msgspec.ValidationError as exc:
        said = _placed(exc)
        name = said.partition(":")[0]
        is_from_environment = flags.get(name) is None and _variable(name) in environ
        raise RecipeError(
            f"{_variable(name)}{said.removeprefix(name)}"
            if is_from_environment
            else f"settings: {said}"
        ) from exc


def _variable(name: str) -> str:
    return f"SCRUBJAY_{name.upper()}"


def function_recipe(settings: FunctionSettings) -> Recipe:
    """Return what a function is to make.

    Raises:
        RecipeError: the recipe, or what is set beside it, is wrong; the text names the field.
    """
    written: _Tree = {"preset": settings.recipe}
    if settings.recipe not in PRESETS:
        import tomllib  # noqa: PLC0415  few recipes are written so

        try:
            written = tomllib.loads(settings.recipe, parse_float=_decimal)
        except (tomllib.TOMLDecodeError, ValueError) as exc:
            raise RecipeError(
                f"SCRUBJAY_RECIPE is no preset ({', '.join(PRESETS)}) and no TOML: {exc}"
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
        flags: by dotted field name, such as "animations.fps", or by kind: "animations" is whether
            there are any; None is not given.
        base: the name of a preset, or the path of a TOML file with the fields that differ from the
            preset that its `preset` names, or from `classic`.
        added: more outputs, as "animations,name=small,width=160": a kind and its fields.

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
    """Put what was written over its preset, and flags over that."""
    tree = _preset(written.pop("preset", "classic"))
    for name, value in written.items():
        tree[name] = _overlaid(tree[name], value) if name in KINDS else value
    for name, value in flags.items():
        if value is not None:
            _set(tree, name, value)
    for text in added:
        kind, fields = _parsed(text)
        if isinstance(tree[kind], list):  # what is none is for the recipe's own check to refuse
            tree[kind] = [*tree[kind], fields]
    try:
        return decode_as(tree, Recipe)
    except msgspec.ValidationError as exc:
        raise RecipeError(f"{where}: {_named(_placed(exc), tree)}") from exc


def _named(sentence: str, tree: _Tree) -> str:
    """Leave out the number of a kind's only output: people write `[frames]`."""
    kind = sentence.partition("[")[0]
    is_only = kind in KINDS and len(tree[kind]) == 1
    return sentence.replace(f"{kind}[0]", kind, 1) if is_only else sentence


def _preset(name: object) -> _Tree:
    """Return a preset's fields, to be changed."""
    if not isinstance(name, str) or name not in PRESETS:
        raise RecipeError(f"recipe: no preset is called {name!r}; there are {', '.join(PRESETS)}")
    plain: _Tree = msgspec.to_builtins(PRESETS[name], builtin_types=(Fraction,))
    return {name: list(value) if name in KINDS else value for name, value in plain.items()}


def _overlaid(outputs: list[_Tree], written: object) -> object:
    """Return a kind's outputs as written: `[[frames]]` is a list, `[frames]` changes the only one.

    What is neither is left for the recipe's own check to refuse.
    """
    if not isinstance(written, dict):
        return written
    only = outputs[0] if len(outputs) == 1 else {}
    return [only | cast("_Tree", written)]


def _set(tree: _Tree, name: str, value: object) -> None:
    """Set one field of a recipe by a flag."""
    kind, _, field = name.partition(".")
    if kind not in KINDS:
        tree[name] = value
        return
    outputs: object = tree[kind]
    if not isinstance(outputs, list):  # for the recipe's own check to refuse
        return
    known = cast("list[object]", outputs)
    if not field:
        tree[kind] = (known or [{}]) if value else []
        return
    if len(known) != 1:
        raise RecipeError(
            f"recipe: {name} is set, but the recipe has {len(known) or 'no'} outputs of that kind; "
            + ("set it in the recipe's own list" if known else f"ask for {kind} as well")
        )
    if isinstance(known[0], dict):
        tree[kind] = [cast("_Tree", known[0]) | {field: value}]


def _parsed(text: str) -> tuple[str, _Tree]:
    """Take apart an output as the command line writes it."""
    kind, *fields = text.split(",")
    pairs = [field.partition("=") for field in fields]
    if kind not in KINDS or not all(sign for _, sign, _ in pairs):
        raise RecipeError(
            f"the output {text!r} is not understood; write a kind ({', '.join(KINDS)}) and its "
            "fields, such as animations,name=small,width=160"
        )
    types = get_type_hints(KINDS[kind])
    return kind, {
        name: _whole(value) if types.get(name) is int else value for name, _, value in pairs
    }


def _whole(text: str) -> int | str:
    """Return a whole number; what is none stays, for its field to refuse."""
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
    """Return a decimal number exactly; what is none (`nan`) stays, for its field to refuse."""
    try:
        return exact(text)
    except ValueError:
        return float(text)


_IN_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "Fraction": "a number with decimals",
    "str": "text",
    "bool": "true or false",
    "object": "a section",
    "array": "a list",
}
"""What people call the types of values."""


def _placed(error: msgspec.ValidationError) -> str:
    """Put the field's name first: "animations.width: expected a whole number >= 1"."""
    what, _, place = str(error).partition(" - at `$")
    where = place.strip("`.")
    sentence = what[:1].lower() + what[1:]
    for kind, words in _IN_WORDS.items():
        sentence = sentence.replace(f"`{kind}`", words)
    return f"{where}: {sentence}" if where else sentence
