"""What a library has: `library.json`, and `index.html`, which shows it.

Both are written after a run, at the root of the sets. A film that an earlier run made keeps its
entry, so that only new manifests are read.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeAlias
from urllib.parse import quote

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from scrubjay.documents.library import library_page
from scrubjay.errors import DestinationError, ObjectNotFoundError, ScrubjayError
from scrubjay.keys import LIBRARY, MANIFEST, PAGE
from scrubjay.model import decode, encode
from scrubjay.places.place import Place
from scrubjay.sets.store import Store

__all__ = ["Catalogue", "Entry", "Library", "Preview", "entry_of"]

EntryStatus: TypeAlias = Literal["complete", "partial", "failed"]

_HTML, _JSON = "text/html", "application/json"

_LIGHT_BYTES = 1_500_000
"""An animation of one slice up to this size is shown on hover; else a sheet is, if there is one."""

_POSTER_PLACE = 1 / 3
"""Where in a film its poster is, if its set has none of its own: rarely a title or a credit."""


class Preview(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A picture, an animation or a sheet of thumbnails."""

    href: Annotated[str, Meta(description="Its address, relative to the index.")]
    media_type: str
    width: Annotated[int, Meta(description="In px; of a sheet, that of one thumbnail.")]
    height: int
    columns: Annotated[int, Meta(description="Of a sheet; 0 for anything else.")] = 0
    rows: int = 0
    count: Annotated[int, Meta(description="Thumbnails in a sheet.")] = 0
    cell: Annotated[int, Meta(description="Which of them is the poster, 0-based.")] = 0


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A film of a library."""

    name: Annotated[str, Meta(description="Path of the video below the folder that is searched.")]
    status: EntryStatus
    set: Annotated[str, Meta(description="Address of its set.")] = ""
    page: Annotated[str, Meta(description="The set's page, relative to the index.")] = ""
    size_bytes: Annotated[int, Meta(description="Of the video.")] = 0
    duration: Annotated[float, Meta(description="Seconds that the previews cover.")] = 0
    width: int = 0
    height: int = 0
    modified: Annotated[float, Meta(description="When the set was made, in Unix time.")] = 0
    gaps: Annotated[int, Meta(description="Slices that are missing.")] = 0
    missing: Annotated[
        tuple[str, ...],
        Meta(description="What of the whole video is missing: `overview`, `poster`, `clip`."),
    ] = ()
    message: Annotated[str, Meta(description="Why it failed, or what is missing is missing.")] = ""
    poster: Preview | None = None
    hover: Preview | None = None


class Library(msgspec.Struct, frozen=True, kw_only=True):
    """The films of a library, by name."""

    format: Literal["scrubjay-library/1"] = "scrubjay-library/1"
    written: Annotated[str, Meta(description="When, in UTC (RFC 3339).")]
    films: tuple[Entry, ...]


class _Made(msgspec.Struct, frozen=True, kw_only=True):
    """An artifact in a manifest."""

    key: str
    media_type: str
    size_bytes: int = 0
    width: int = 0
    height: int = 0
    byte_offset: int = 0
    columns: int = 0
    rows: int = 0
    count: int = 0
    thumbnail_width: int = 0
    thumbnail_height: int = 0


class _Whole(msgspec.Struct, frozen=True, kw_only=True):
    status: Literal["done", "failed"] = "done"
    reason: str = ""
    animations: tuple[_Made, ...] = ()
    frames: tuple[_Made, ...] = ()
    sheets: tuple[_Made, ...] = ()


class _Output(msgspec.Struct, frozen=True, kw_only=True):
    per: str = "slice"


class _Recipe(msgspec.Struct, frozen=True, kw_only=True):
    animations: tuple[_Output, ...] = ()
    frames: tuple[_Output, ...] = ()
    sheets: tuple[_Output, ...] = ()


class _Media(msgspec.Struct, frozen=True, kw_only=True):
    duration: float
    width: int
    height: int


class _Gap(msgspec.Struct, frozen=True, kw_only=True):
    reason: str


class _Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What the index needs of a manifest; reading all of it takes five times as long."""

    status: Literal["complete", "partial"]
    media: _Media
    recipe: _Recipe = _Recipe()
    animations: tuple[_Made, ...] = ()
    frames: tuple[_Made, ...] = ()
    sheets: tuple[_Made, ...] = ()
    whole: _Whole | None = None
    gaps: tuple[_Gap, ...] = ()
    tracks: dict[str, str] = {}


class Catalogue:
    """Collects what becomes of the films of a library, and writes it down.

    Args:
        root: where `library.json` and `index.html` go.
        title: heading of the index; by default the name of the root.

    Raises:
        DestinationError: another program's `index.html` is there, or the root cannot be written.
    """

    def __init__(self, root: Place, *, title: str = "") -> None:
        self._root = root
        self._title = title or root.name or "Library"
        self._store = Store.open(root)
        self._entries = {each.name: each for each in self._earlier()}
        self._seen: set[str] = set()

    @property
    def entries(self) -> Sequence[Entry]:
        """The films, by name."""
        return [self._entries[name] for name in sorted(self._entries)]

    def add(
        self,
        name: str,
        status: EntryStatus,
        destination: str,
        *,
        size_bytes: int = 0,
        message: str = "",
        is_news: bool = True,
    ) -> bool:
        """Note what became of a film; reads its manifest unless that is known.

        Args:
            name: the film's name.
            status: of its set.
            destination: address of its set; empty if it has none.
            size_bytes: of the video.
            message: why it failed, or has gaps.
            is_news: whether its set has changed since an earlier run.

        Returns:
            Whether its entry has changed.
        """
        self._seen.add(name)
        known = self._entries.get(name)
        if known and not is_news and (known.status, known.set) == (status, destination):
            return False
        entry = Entry(name=name, status=status, set=destination)
        if status != "failed":
            try:
                entry = entry_of(name, self._place(destination), self._root)
            except ScrubjayError as error:
                status, message = "failed", str(error)
        self._entries[name] = replace(
            entry, status=status, size_bytes=size_bytes, message=message or entry.message
        )
        return True

    def forget(self, names: Iterable[str]) -> bool:
        """Remove films that are gone; return whether there were any."""
        known = self._entries.keys() & set(names)
        for name in known:
            del self._entries[name]
        return bool(known)

    def unseen_without_set(self) -> list[str]:
        """Return the films of earlier runs that this one has not met and that have no set, by name.

        Raises:
            StoreError: a destination cannot be read.
        """
        unseen = sorted(set(self._entries) - self._seen)
        return [name for name in unseen if not self._has_set(self._entries[name])]

    def _has_set(self, entry: Entry) -> bool:
        return bool(entry.set) and Store.open(self._place(entry.set)).has(MANIFEST)

    def _place(self, address: str) -> Place:
        place = Place.of(address, endpoint=self._root.endpoint)
        return replace(place, public_only=self._root.public_only)

    def write(self) -> None:
        """Write `library.json` and the index.

        Raises:
            StoreError: they could not be written.
        """
        written = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        data = encode(Library(written=written, films=tuple(self.entries)))
        self._store.put(LIBRARY, data, _JSON)
        self._store.put(PAGE, library_page(data, title=self._title), _HTML)

    def _earlier(self) -> Sequence[Entry]:
        """Return the films of `library.json`."""
        try:
            return decode(self._store.get(LIBRARY), Library).films
        except ObjectNotFoundError:
            if self._store.has(PAGE):
                raise DestinationError(
                    f"{self._root.shown} contains {PAGE}, which is not the index of a library; "
                    "use another folder, or --no-index"
                ) from None
            return ()
        except msgspec.DecodeError:
            return ()  # of another version: it is written again


def entry_of(name: str, destination: Place, root: Place) -> Entry:
    """Return the entry of a film whose set is published.

    Args:
        name: the film's name.
        destination: where its set is.
        root: where the index is.

    Raises:
        StoreError: there is no manifest, or it cannot be read.
        DestinationError: it is not a manifest of this version.
    """
    store = Store.open(destination)
    try:
        manifest = decode(store.get(MANIFEST), _Manifest)
    except msgspec.DecodeError as exc:
        raise DestinationError(f"{destination.shown}/{MANIFEST} is not a manifest: {exc}") from exc
    base, media = _relative(destination, root), manifest.media
    page = manifest.tracks.get("page", "")
    return Entry(
        name=name,
        status=manifest.status,
        set=destination.shown,
        page=base + quote(page) if page else "",
        duration=media.duration,
        width=media.width,
        height=media.height,
        modified=round(datetime.now(UTC).timestamp() - store.age(MANIFEST), 3),
        gaps=len(manifest.gaps),
        missing=_missing(manifest),
        message=next(filter(None, _reasons(manifest)), ""),
        poster=_poster(manifest, base),
        hover=_hover(manifest, base),
    )


def _reasons(manifest: _Manifest) -> Iterator[str]:
    """Yield why a set is not complete."""
    yield from (gap.reason for gap in manifest.gaps)
    if manifest.whole:
        yield manifest.whole.reason


def _missing(manifest: _Manifest) -> tuple[str, ...]:
    """Return what a set lacks of what is made once of the whole video."""
    if manifest.whole is None or manifest.whole.status != "failed":
        return ()
    recipe = manifest.recipe
    kinds = {"overview": recipe.sheets, "poster": recipe.frames, "clip": recipe.animations}
    return tuple(
        name for name, outputs in kinds.items() if any(each.per == "video" for each in outputs)
    )


def _relative(destination: Place, root: Place) -> str:
    """Return a set's address relative to the index, percent-encoded, with `/` at its end."""
    if destination.is_local and root.is_local:
        return quote(os.path.relpath(destination.address, root.address)) + "/"
    if (destination.scheme, destination.bucket) == (root.scheme, root.bucket):
        return quote(os.path.relpath(f"/{destination.key}", f"/{root.key}")) + "/"
    return quote(destination.address, safe="/:") + "/"


def _poster(manifest: _Manifest, base: str) -> Preview | None:
    whole = manifest.whole or _Whole()
    stills = [each for each in manifest.frames if each.media_type.startswith("image/")]
    if picture := next(iter(whole.frames), None) or _at(stills, _POSTER_PLACE):
        return _preview(picture, base)
    if sheet := next(iter(whole.sheets), None) or _at(manifest.sheets, _POSTER_PLACE):
        return replace(_preview(sheet, base), cell=int(sheet.count * _POSTER_PLACE))
    return None


def _hover(manifest: _Manifest, base: str) -> Preview | None:
    """Choose what a card shows under the mouse: all of a film, if its set has that."""
    whole = manifest.whole or _Whole()
    animation = _at(manifest.animations, _POSTER_PLACE)
    sheet = _at(manifest.sheets, _POSTER_PLACE)
    if animation and sheet and animation.size_bytes > _LIGHT_BYTES:
        animation = None
    chosen = next(iter((*whole.animations, *whole.sheets)), None) or animation or sheet
    return _preview(chosen, base) if chosen else None


def _at(made: Sequence[_Made], place: float) -> _Made | None:
    """Return the artifact at some part of the way through a film."""
    return made[int(len(made) * place)] if made else None


def _preview(made: _Made, base: str) -> Preview:
    return Preview(
        href=base + quote(made.key),
        media_type=made.media_type,
        width=made.thumbnail_width or made.width,
        height=made.thumbnail_height or made.height,
        columns=made.columns,
        rows=made.rows,
        count=made.count,
    )
