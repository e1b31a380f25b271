"""A finished set laid out as another program finds it, under names that are not ours.

A media server finds its files beside the video. The front end of the serverless GIF generator, the
published design that Scrubjay starts from, builds its addresses from the name of the video.

Files are hard links where that is possible: no file of a set is ever written in place.
"""

import os
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from fractions import Fraction
from mimetypes import guess_type
from pathlib import Path
from typing import NamedTuple

import msgspec

from scrubjay.coding import exact
from scrubjay.errors import DestinationError, ObjectNotFoundError, RecipeError
from scrubjay.keys import MANIFEST, video_stem
from scrubjay.model import Manifest, Recipe, decode
from scrubjay.places.place import Place, PlaceText
from scrubjay.sets.folder import local_errors
from scrubjay.sets.store import Store
from scrubjay.waiting import mapped

__all__ = ["LAYOUTS", "Layout", "is_laid_out", "lay_out", "recipe_for", "target_for"]

Names = Mapping[str, str]
"""Which object of a set a file is: the key of the object by the path of the file."""


class Layout(NamedTuple):
    """How another program finds a set's files."""

    names: Callable[[Manifest, str], Names]
    """Returns the files of a set, given the name of its video's file."""
    document: str = ""
    """The document that the set must have."""
    is_beside_video: bool = False
    """Whether the files are in the video's folder, which must be on this machine; else they are
    where the set is."""
    needs_all: bool = False
    """Whether the program never looks again at what it has found, so nothing may be missing."""


def _jellyfin(manifest: Manifest, video: str) -> Names:
    """Return a folder for each width: `Film.trickplay/320 - 10x10/0.jpg`."""
    keys = _tracks(manifest, "jellyfin")
    return {_renamed(key.removeprefix("jellyfin/"), manifest, video): key for key in keys}


def _emby(manifest: Manifest, video: str) -> Names:
    """Return a file for each width and interval: `Film-320-10.bif`."""
    return {_renamed(key, manifest, video): key for key in _tracks(manifest, "emby")}


def _renamed(path: str, manifest: Manifest, video: str) -> str:
    """Return a path that begins with the video's name, which may have changed since."""
    before = video_stem(manifest.source.name)
    return video_stem(video) + path.removeprefix(before) if path.startswith(before) else path


def _tracks(manifest: Manifest, document: str) -> list[str]:
    """Return the keys of a document's files, of all outputs."""
    return [
        key
        for track, key in manifest.tracks.items()
        if track.partition(".")[0].partition("-")[0] == document
    ]


def _reference(manifest: Manifest, video: str) -> Names:
    """Return the names of the serverless GIF generator: `film-30.gif`, `film-30-frame-0.jpg`.

    The front end takes what is before the first point of the video's name, the second at which the
    slice starts, and the number of seconds from there, beginning with 0.
    """
    base = video.rpartition("/")[2].partition(".")[0]
    length = exact(manifest.recipe["slice_length"])
    gifs = [each for each in manifest.animations if each.media_type == "image/gif"]
    stills = [each for each in manifest.frames if each.media_type == "image/jpeg"]
    names = {
        f"{base}-{_number(exact(each.start))}.gif": each.key
        for each in gifs
        if each.output == gifs[0].output
    }
    for each in stills:
        if each.output == stills[0].output:
            time = exact(each.time)
            start = time // length * length
            names[f"{base}-{_number(start)}-frame-{_number(time - start)}.jpg"] = each.key
    if not gifs or not stills:
        raise RecipeError(
            "the layout reference needs animations with format = 'gif' and frames with format = "
            "'jpeg', and the set lacks one of them; use the recipe classic"
        )
    return names


def _number(seconds: Fraction) -> str:
    """Write a number as JavaScript does."""
    return f"{float(seconds):.3f}".rstrip("0").rstrip(".")


LAYOUTS: Mapping[str, Layout] = {
    "jellyfin": Layout(_jellyfin, "jellyfin", is_beside_video=True, needs_all=True),
    "emby": Layout(_emby, "emby", is_beside_video=True, needs_all=True),
    "reference": Layout(_reference),
}
"""The layouts by name."""


def recipe_for(recipe: Recipe, layout: str) -> Recipe:
    """Return a recipe with the document that a layout needs."""
    document = LAYOUTS[layout].document
    if not document or document in recipe.documents:
        return recipe
    return msgspec.structs.replace(recipe, documents=(*recipe.documents, document))


def target_for(layout: str, video: PlaceText | Place, destination: PlaceText | Place) -> Place:
    """Return where a layout's files belong: the folder of the video, or the set's destination.

    Raises:
        DestinationError: the files belong beside a video that is not on this machine.
    """
    if not LAYOUTS[layout].is_beside_video:
        return Place.of(destination)
    place = Place.of(video)
    if not place.is_local:
        raise DestinationError(
            f"the layout {layout} puts files beside the video, and {place.shown} is not on this "
            "machine"
        )
    return Place.of(Path(place.address).parent)


def lay_out(
    destination: PlaceText | Place | Store,
    layout: str,
    target: PlaceText | Place | Store,
    *,
    video: str = "",
    replace: bool = False,
) -> int:
    """Put the files of a finished set where another program finds them.

    Files that are there with the same bytes stay. A folder of a media server appears whole.

    Args:
        destination: the set.
        layout: `jellyfin`, `emby` or `reference`.
        target: the folder in which the files belong; for `reference`, it may be in a bucket.
        video: the name of the video's file, if it has another one than when the set was made.
        replace: whether to replace files that differ.

    Returns:
        How many files were put there.

    Raises:
        RecipeError: the set has no outputs for the layout.
        DestinationError: the set is not finished, or a file that differs is there.
        StoreError: a file could not be read or written.
    """
    store = destination if isinstance(destination, Store) else Store.open(destination)
    names = _names_for(store, layout, video)
    bucket = target if isinstance(target, Store) else Store.open(target)
    place = bucket.place
    if place is None or not place.is_local:
        return _put_into_bucket(store, bucket, names, replace=replace)
    with local_errors(place.address, is_writing=True):
        return _Local(store, Path(place.address)).put(names, replace=replace)


def is_laid_out(
    destination: PlaceText | Place | Store,
    layout: str,
    target: PlaceText | Place | Store,
    *,
    video: str = "",
) -> bool:
    """Whether a set's files are where another program finds them, by their names and sizes.

    Args:
        destination: the set.
        layout: `jellyfin`, `emby` or `reference`.
        target: the folder in which the files belong.
        video: the name of the video's file, if it has another one than when the set was made.

    Raises:
        RecipeError: the set has no outputs for the layout.
        DestinationError: the set is not finished.
        StoreError: the destination or the target cannot be read.
    """
    store = destination if isinstance(destination, Store) else Store.open(destination)
    names = _names_for(store, layout, video)
    bucket = target if isinstance(target, Store) else Store.open(target)
    if bucket.place is None or not bucket.place.is_local:
        return names.keys() <= bucket.sizes().keys()
    with local_errors(bucket.place.address, is_writing=False):
        return _Local(store, Path(bucket.place.address)).has(names)


def _names_for(store: Store, layout: str, video: str) -> Names:
    """Return the files that a layout makes of a set.

    Raises:
        RecipeError: the set has no outputs for the layout.
        DestinationError: the set is not finished.
    """
    rules = LAYOUTS[layout]
    try:
        manifest = decode(store.get(MANIFEST), Manifest)
    except (ObjectNotFoundError, msgspec.DecodeError) as error:
        raise DestinationError(
            "the destination has no finished set, so nothing was laid out"
        ) from error
    if rules.needs_all and manifest.status != "complete":
        raise DestinationError(
            f"the set of {manifest.source.name} has gaps, and a media server never looks again at "
            "what it has found, so nothing was laid out"
        )
    names = rules.names(manifest, video or manifest.source.name)
    if not names:
        raise RecipeError(
            f"the set of {manifest.source.name} has nothing for the layout {layout}; add "
            f"{rules.document} to its documents"
        )
    _check_names(names)
    return names


def _check_names(names: Names) -> None:
    """Check that no file is outside its folder: a set may be anybody's."""
    for path in (*names, *names.values()):
        if not all(part.strip(".") for part in path.split("/")):
            raise DestinationError(
                f"the set's manifest names {path!r}, which is outside the set; nothing was laid out"
            )


def _check_free(differing: Iterable[str], *, replace: bool) -> None:
    """Check that nothing is in the way, before anything is written."""
    first = next(iter(differing), None)
    if first is not None and not replace:
        raise DestinationError(
            f"{first} is there already and differs, perhaps because the other program made it; "
            "nothing was laid out: use --replace-layout to replace it"
        )


def _put_into_bucket(store: Store, bucket: Store, names: Names, *, replace: bool) -> int:
    """Copy files into a bucket, and return how many were not there."""

    def is_there(name: str) -> bool | None:
        try:
            return bucket.get(name) == store.get(names[name])
        except ObjectNotFoundError:
            return None

    def put(name: str) -> None:
        bucket.put(name, store.get(names[name]), guess_type(name)[0] or "image/jpeg")

    found = dict(zip(names, mapped(is_there, names, lanes=bucket.lanes), strict=True))
    _check_free((name for name, same in found.items() if same is False), replace=replace)
    missing = [name for name, same in found.items() if not same]
    mapped(put, missing, lanes=bucket.lanes)
    return len(missing)


class _Local:
    """Puts files of a set into a folder.

    Args:
        store: the set.
        folder: where the files belong.
    """

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._folder = folder
        is_local = store.place is not None and store.place.is_local
        self._set = Path(store.place.address) if store.place and is_local else None

    def put(self, names: Names, *, replace: bool) -> int:
        """Put files there that are not, and return how many."""
        self._folder.mkdir(parents=True, exist_ok=True)
        folders: dict[str, dict[str, str]] = {}
        for path, key in names.items():
            parent, _, name = path.rpartition("/")
            folders.setdefault(parent, {})[name] = key
        files = {name: key for name, key in folders.pop("", {}).items() if not self._is(name, key)}
        whole = {each: keys for each, keys in folders.items() if not self._has(each, keys)}
        if not files and not whole:
            return 0
        in_the_way = (each for each in (*files, *whole) if os.path.lexists(self._folder / each))
        _check_free((str(self._folder / each) for each in in_the_way), replace=replace)
        with self._stage() as stage:
            for name, key in files.items():
                self._link(key, stage / name)
                (stage / name).replace(self._folder / name)
            for each, keys in whole.items():
                self._put_folder(each, keys, stage)
        return len(files) + sum(map(len, whole.values()))

    def has(self, names: Names) -> bool:
        """Whether all files are there, as large as the objects that they should be."""
        for name, key in names.items():
            file = self._folder / name
            if not file.is_file():
                return False
            if self._set is not None and file.stat().st_size != (self._set / key).stat().st_size:
                return False
        return True

    def _put_folder(self, path: str, keys: Mapping[str, str], stage: Path) -> None:
        """Put a whole folder there at once, in the place of what has its name."""
        new, old, place = stage / "new", stage / "old", self._folder / path
        new.mkdir()
        for name, key in keys.items():
            self._link(key, new / name)
        place.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(place):
            place.rename(old)
        try:
            new.rename(place)
        except OSError:
            if os.path.lexists(old):
                old.rename(place)
            raise
        if old.is_dir() and not old.is_symlink():
            _remove(old)
        else:
            old.unlink(missing_ok=True)

    @contextmanager
    def _stage(self) -> Generator[Path]:
        """Yield a hidden folder for what is not complete; it is removed at the end."""
        from tempfile import mkdtemp  # noqa: PLC0415  slow to load, for every command

        stage = Path(mkdtemp(prefix=".scrubjay#", dir=self._folder))
        try:
            yield stage
        finally:
            _remove(stage, ignore_errors=True)

    def _link(self, key: str, path: Path) -> None:
        """Make a file that has an object's bytes: a hard link, or a copy."""
        if self._set is not None:
            with suppress(OSError):  # another file system, or one without links
                os.link(self._set / key, path)
                return
        path.write_bytes(self._store.get(key))

    def _has(self, path: str, keys: Mapping[str, str]) -> bool:
        """Whether a folder has these files and no others."""
        folder = self._folder / path
        return (
            folder.is_dir()
            and {each.name for each in folder.iterdir()} == set(keys)
            and all(self._is(f"{path}/{name}", key) for name, key in keys.items())
        )

    def _is(self, path: str, key: str) -> bool:
        """Whether a file has an object's bytes."""
        file = self._folder / path
        if not file.is_file():
            return False
        if self._set is not None and file.samefile(self._set / key):
            return True
        return file.read_bytes() == self._store.get(key)


def _remove(folder: Path, *, ignore_errors: bool = False) -> None:
    """Remove a folder and all in it."""
    from shutil import rmtree  # noqa: PLC0415  slow to load, for every command

    rmtree(folder, ignore_errors=ignore_errors)
