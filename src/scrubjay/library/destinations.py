"""Where the sets of a library go.

Every choice is a template: `DIR` is `DIR/{path}`, and `beside` is `{folder}/{name}.previews`. A
film's set depends on its own path and nothing else, so no other film ever moves it.
"""

import re
import tempfile
import unicodedata
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from string import Formatter
from threading import Lock
from typing import NamedTuple

from msgspec.structs import replace

from scrubjay.errors import DestinationError, RecipeError
from scrubjay.keys import LIBRARY, PAGE
from scrubjay.library.film import Film
from scrubjay.places.place import Place

__all__ = ["BESIDE", "FIELDS", "Destinations", "check_distinct"]

BESIDE = "beside"
_BESIDE_TEMPLATE = "{folder}/{name}.previews"

FIELDS = {
    "folder": "the address of the folder that the video is in",
    "path": "the path of the video below the folder or prefix that is searched",
    "parent": "the folder part of path; empty at its top",
    "name": "the file's name, with its suffix",
    "stem": "the file's name without its suffix",
    "suffix": "the suffix without its dot",
}
"""What a template may have in braces."""

_RESERVED = frozenset({PAGE, LIBRARY})
"""Names at the root of the sets that are the library's own, in lower case."""

_MOST_NAME_BYTES = 255
"""What file systems allow."""

_DIGEST_BYTES = 8
_START = re.compile(r"/+|[a-z0-9]+://")
_UNSAFE = re.compile(r"[\\\x00-\x1f\x7f]|~(?=[0-9a-f]{2}|-[0-9a-f]{16}$)")
"""What is escaped in a name: what no key can have, and what an escape looks like."""


class _Step(NamedTuple):
    text: str
    """Text as it is, before the field."""
    field: str
    """Empty after the last one."""


class Destinations:
    """Where each film's set goes; call it with a film. Threads may share it.

    Two films of one folder never share a set, unless the template leaves out what tells them apart:
    see `may_clash`.

    Args:
        output: a folder or bucket, below which sets mirror the paths of films; `beside`, for
            `film.mkv.previews` beside each film; or a template with fields in braces.
        base: a place whose settings (endpoint) those of the sets have.
        roots: all that was asked for: folders, prefixes and single videos.
        folds_case: whether the destination takes `A` and `a` for one name; None tries it.

    Raises:
        RecipeError: the template is wrong.
    """

    def __init__(
        self,
        output: str,
        *,
        base: Place,
        roots: Iterable[Place] = (),
        folds_case: bool | None = None,
    ) -> None:
        self._base = base
        self._roots = tuple(roots)
        self._steps = _parsed(_template_of(output))
        self._folds_case = folds_case
        self._lock = Lock()
        self._taken: dict[str, str] = {}
        """Which film has a destination, where upper and lower case are the same."""

    @property
    def root(self) -> Place:
        """Where the index of the library goes: the folder that all sets are below."""
        if self._is_beside:
            return self._roots[0] if self._roots else self._base
        above, slash, _ = self._steps[0].text.rpartition("/")
        return self._place(above or slash or ".")

    @property
    def may_clash(self) -> bool:
        """Whether two films may get the same destination, so that it has to be checked before."""
        fields = {step.field for step in self._steps}
        is_named = "name" in fields or {"stem", "suffix"} <= fields
        if "folder" in fields:
            return not (is_named or "path" in fields)
        is_whole = "path" in fields or ("parent" in fields and is_named)
        return len(self._roots) > 1 or not is_whole

    def __call__(self, film: Film) -> Place:
        """Return where a film's set goes.

        Raises:
            DestinationError: nowhere can be written beside it, its set would overwrite it, or on
                this file system it would be another film's set.
        """
        values = _values(film)
        if self._is_beside and film.source.scheme in {"http", "https"}:
            raise DestinationError(
                f"{film.name}: nothing can be written beside a video on a web server; use a folder"
            )
        text = "".join(step.text + values.get(step.field, "") for step in self._steps)
        place = self._place(text)
        if place.address == film.source.address:
            raise DestinationError(
                f"{film.name}: its set would replace the video itself; use another folder, or "
                f"-o {BESIDE}"
            )
        with self._lock:
            if self._is_folding:
                self._take(place, film)
        return place

    def forget(self, name: str) -> None:
        """Free the destination of a film that has moved or is gone, for one of a similar name."""
        with self._lock:
            self._taken = {key: film for key, film in self._taken.items() if film != name}

    @property
    def _is_beside(self) -> bool:
        return self._steps[0].field == "folder"

    def _place(self, text: str) -> Place:
        start = _START.match(text)
        head = start[0] if start else ""
        names = filter(None, text[len(head) :].split("/"))
        address = head + "/".join(map(_short, names))
        place = Place.of(address, endpoint=self._base.endpoint)
        return replace(place, public_only=self._base.public_only)

    @property
    def _is_folding(self) -> bool:
        if self._folds_case is None:
            root = self.root
            may_fold = root.is_local and not self._is_beside
            self._folds_case = may_fold and _folds_case(Path(root.address))
        return self._folds_case

    def _take(self, place: Place, film: Film) -> None:
        key = unicodedata.normalize("NFC", place.address).casefold()
        other = self._taken.setdefault(key, film.name)
        if other != film.name:
            raise DestinationError(
                f"{film.name} and {other} differ only in upper and lower case, which the "
                "destination's file system does not tell apart; rename one of them"
            )


def check_distinct(films: Iterable[Film], destinations: Destinations) -> None:
    """Check that no two films have the same destination.

    Raises:
        DestinationError: two have; the text names them.
    """
    taken: dict[str, str] = {}
    for film in films:
        place = destinations(film)
        other = taken.setdefault(place.address, film.source.address)
        if other != film.source.address:
            raise DestinationError(
                f"{Place(address=other).shown} and {film.source.shown} would both have their set "
                f"in {place.shown}; nothing was made. Use another template, such as DIR/{{path}}"
            )


def _template_of(output: str) -> str:
    if output == BESIDE:
        return _BESIDE_TEMPLATE
    return output if "{" in output or "}" in output else f"{output.rstrip('/')}/{{path}}"


def _parsed(template: str) -> list[_Step]:
    try:
        pieces = list(Formatter().parse(template))
    except ValueError:
        raise RecipeError(
            f"-o {template!r}: a brace is without its partner; write {{{{ and }}}} for braces that "
            "are part of a name"
        ) from None
    for _, field, format_, conversion in pieces:
        if field is not None and (field not in FIELDS or format_ or conversion):
            known = ", ".join(f"{{{each}}}" for each in FIELDS)
            raise RecipeError(
                f"-o {template!r}: there is no field {{{field}}}; there are {known}. Write {{{{ "
                "and }} for braces that are part of a name"
            )
    steps = [_Step(text, field or "") for text, field, _, _ in pieces]
    fields = {step.field for step in steps}
    if fields.isdisjoint({"path", "name", "stem"}):
        raise RecipeError(
            f"-o {template!r}: every film would have the same destination; add {{path}}, {{name}} "
            "or {stem}"
        )
    if any(step.field == "folder" for step in steps[1:]) or (
        steps[0].field == "folder" and steps[0].text
    ):
        raise RecipeError(f"-o {template!r}: {{folder}} is a whole address, so it must come first")
    return steps


def _values(film: Film) -> dict[str, str]:
    """Return the fields of a film, each safe as a part of a path."""
    names = [_safe(name) for name in film.name.split("/")]
    if len(names) == 1 and names[0].lower() in _RESERVED:
        names[0] = f"~{ord(names[0][0]):02x}{names[0][1:]}"
    stem, dot, suffix = names[-1].rpartition(".")
    if not stem:
        stem, dot, suffix = names[-1], "", ""
    return {
        "folder": _folder_of(film.source),
        "path": "/".join(names),
        "parent": "/".join(names[:-1]),
        "name": names[-1],
        "stem": stem,
        "suffix": suffix if dot else "",
    }


def _folder_of(source: Place) -> str:
    return source.address.rpartition("/")[0] or "/"


def _safe(name: str) -> str:
    """Return a name that every destination can have; two names never become the same."""
    if not name.strip("."):  # "", "." and ".." are not names
        return name.replace(".", "~2e") or "~"
    return _UNSAFE.sub(lambda each: f"~{ord(each[0]):02x}", name)


def _short(name: str) -> str:
    """Cut a name that is too long, and add a digest of it."""
    data = name.encode(errors="surrogatepass")
    if len(data) <= _MOST_NAME_BYTES:
        return name
    end = f"~-{blake2b(data, digest_size=_DIGEST_BYTES).hexdigest()}"
    return data[: _MOST_NAME_BYTES - len(end)].decode(errors="ignore") + end


def _folds_case(folder: Path) -> bool:
    """Whether a file system takes upper and lower case for the same; False if unknown."""
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    try:
        with tempfile.NamedTemporaryFile(prefix=".scrubjay-Case-", dir=existing) as file:
            return Path(file.name.replace("-Case-", "-case-")).exists()
    except OSError:
        return False
