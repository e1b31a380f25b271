"""Finding the videos of a library, in real folders and in an emulated bucket."""

import os
import resource
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from s3_server import KEYS, PROGRAM, S3Server

from scrubjay.errors import SourceNotFoundError, SourceUnreadableError
from scrubjay.library.finding import film_at, find, is_library
from scrubjay.library.passing import Passed
from scrubjay.library.patterns import Selection
from scrubjay.places.place import Place

MP4 = b"\x00\x00\x00\x20ftypisom" + bytes(20)
SRT = "1\n00:00:01,000 --> 00:00:02,000\nГляди, дождь\n".encode("cp1251")

CONTENTS = {
    "mp4": (MP4, "video"),
    "matroska": (b"\x1a\x45\xdf\xa3" + bytes(40), "video"),
    "avi": (b"RIFF\x00\x00\x00\x00AVI LIST" + bytes(40), "video"),
    "ts": ((b"\x47" + bytes(187)) * 6, "video"),
    "ts-from-the-middle": (bytes(100) + (b"\x47" + bytes(187)) * 6, "video"),
    "m2ts": ((bytes(4) + b"\x47" + bytes(187)) * 6, "video"),
    "mpeg": (b"\x00\x00\x01\xba" + bytes(40), "video"),
    "h264": (b"\x00\x00\x00\x01\x67" + bytes(40), "video"),
    "flv": (b"FLV\x01\x05" + bytes(40), "video"),
    "theora": (b"OggS" + bytes(24) + b"\x80theora" + bytes(40), "video"),
    "y4m": (b"YUV4MPEG2 W320 H180 F24:1\nFRAME\n" + b"\xeb" * 4000, "video"),
    "vorbis": (b"OggS" + bytes(24) + b"\x01vorbis" + bytes(40), "sound"),
    "m4a": (b"\x00\x00\x00\x20ftypM4A " + bytes(20), "sound"),
    "mp3": (b"ID3\x04" + bytes(40), "sound"),
    "mp3-bare": (b"\xff\xfb\x90\x64" + bytes(40), "sound"),
    "wav": (b"RIFF\x00\x00\x00\x00WAVEfmt " + bytes(40), "sound"),
    "jpeg": (b"\xff\xd8\xff\xe0" + bytes(40), "picture"),
    "gif": (b"GIF89a" + bytes(40), "picture"),
    "heic": (b"\x00\x00\x00\x20ftypheic" + bytes(20), "picture"),
    "webp": (b"RIFF\x00\x00\x00\x00WEBPVP8 " + bytes(40), "picture"),
    "subtitles-1251": (SRT, "text"),
    "subtitles-utf16": ("字幕".encode("utf-16"), "text"),
    "subtitles-utf8": ("字幕".encode() * 2000, "text"),
    "zip": (b"PK\x03\x04" + bytes(40), "other"),
    "zeros": (bytes(5000), "other"),
    "empty": (b"", "other"),
    "unknown": (bytes(range(256)) * 8, "other"),
}


def _write(root: Path, files: dict[str, bytes] | list[str]) -> Path:
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[name] if isinstance(files, dict) else MP4)
    return root


def _found(
    root: Path | Place,
    **options: Any,  # noqa: ANN401
) -> tuple[list[str], set[Passed]]:
    passed: set[Passed] = set()
    films = find(Place.of(root), on_passed=passed.add, **options)
    return [film.name for film in films], passed


def test_content_decides(tmp_path: Path) -> None:
    """Names without a suffix: videos are found, and everything else is passed over and counted."""
    _write(tmp_path, {name: data for name, (data, _) in CONTENTS.items()})
    names, passed = _found(tmp_path)
    expected = {name: kind for name, (_, kind) in CONTENTS.items()}
    assert {
        **dict.fromkeys(names, "video"),
        **{each.name: each.reason for each in passed},
    } == expected


def test_real_videos_are_found(media: Path) -> None:
    """Every video of the media folder is found by its first bytes alone, whatever its container."""
    names, _ = _found(media)
    assert {"odd/no_extension", "odd/s_theora.ogv", "odd/s_xvid_mp3.avi", "odd/-i.mp4"} <= set(
        names
    )


def test_a_file_that_should_be_a_video_is_found(tmp_path: Path) -> None:
    """Its probe reports what is wrong with it; TypeScript is no video."""
    _write(
        tmp_path,
        {"page.mp4": b"<html>", "empty.mkv": b"", "code.ts": b"let a = 1", "a.ts": bytes(9)},
    )
    assert _found(tmp_path)[0] == ["empty.mkv", "page.mp4"]


def test_order_is_depth_first_by_name(tmp_path: Path) -> None:
    """The order is the same each time, and the first film comes before the rest is listed."""
    names = [
        "S 1/e1.mkv",
        "S 1/e2.mkv",
        "S 1/z/e.mkv",
        "S 10/e1.mkv",
        "S 2/e1.mkv",
        "a.mkv",
        "b.mkv",
    ]
    _write(tmp_path, names[::-1])
    films = find(Place.of(tmp_path))
    assert next(films).name == "S 1/e1.mkv"
    (tmp_path / "S 1" / "e2.mkv").unlink()
    assert [film.name for film in films] == names[2:]


def test_films_have_stamps(tmp_path: Path) -> None:
    """A film's stamp is its size, time and inode, and its disk is the device it is on."""
    path = _write(tmp_path, ["a.mkv"]) / "a.mkv"
    [film] = find(Place.of(tmp_path))
    status = path.stat()
    assert film.source.address == str(path)
    assert film.stamp.size_bytes == len(MP4)
    assert (film.stamp.mtime_ns, film.stamp.inode) == (status.st_mtime_ns, status.st_ino)
    assert film.disk == str(status.st_dev)
    assert film_at(Place.of(path)) == film


def test_what_is_hidden_or_unfinished_or_ours_is_passed_over(tmp_path: Path) -> None:
    """Hidden files, downloads that have not ended, and folders with a set are no videos."""
    _write(tmp_path, [
        "a.mkv", ".b.mkv", ".trash/c.mkv", "@eaDir/d.mkv", "e.mkv.part", "f.mp4.crdownload",
        "g.mkv.!qB", "h.mkv", "h.mkv.aria2", ".i.mkv.X3kd9a", "j.download/j.mkv", "k.tmp",
        "set/.scrubjay/plan.json", "set/animations/0.mp4", "set/deep/l.mkv",
    ])  # fmt: skip
    names, passed = _found(tmp_path)
    assert names == ["a.mkv"]
    assert Passed("set", "set") in passed
    reasons = {each.name: each.reason for each in passed}
    assert reasons["h.mkv"] == reasons["j.download"] == "unfinished"
    assert reasons[".trash"] == reasons["@eaDir"] == "hidden"


def test_a_folder_of_films_that_is_a_set_too(tmp_path: Path) -> None:
    """Whoever made a set in the folder of films itself loses no film; the set's files are left."""
    _write(tmp_path, [
        ".scrubjay/plan.json", "animations/0123456789ab/000000.mp4", "film.mkv", "frames/film.mkv",
    ])  # fmt: skip
    assert _found(tmp_path)[0] == ["film.mkv", "frames/film.mkv"]


def test_selection(tmp_path: Path) -> None:
    """Only wanted paths are found, and excluded folders are not entered."""
    _write(tmp_path, ["a.mkv", "a.avi", "Extras/b.mkv", "S/Extras/c.mkv", "S/d.mkv"])
    chosen = Selection(include=["*.mkv"], exclude=["Extras"])
    names, passed = _found(tmp_path, selection=chosen)
    assert names == ["S/d.mkv", "a.mkv"]
    assert {each.name for each in passed} == {"a.avi", "Extras", "S/Extras"}


def test_known_films_are_not_opened(tmp_path: Path) -> None:
    """A film whose set is there costs no read: one that cannot be opened is found all the same."""
    _write(tmp_path, {"known": SRT, "new": SRT})
    assert _found(tmp_path, is_known=lambda film: film.name == "known")[0] == ["known"]


def test_links(tmp_path: Path) -> None:
    """Links are followed, unless the walk finds their target by itself; loops end."""
    root = _write(tmp_path / "root", ["a/film.mkv", ".annex/hidden.mkv"])
    other = _write(tmp_path / "other", ["b.mkv", "deep/c.mkv"])
    for name, target in {
        "again": root / "a",
        "annexed.mkv": root / ".annex" / "hidden.mkv",
        "dangling.mkv": root / "nothing.mkv",
        "file.mkv": other / "b.mkv",
        "film.mkv": root / "a" / "film.mkv",
        "linked": other,
        "self": Path("self"),
        "a/up": tmp_path,
        "twice": other,
    }.items():
        (root / name).symlink_to(target)
    (other / "loop").symlink_to(other)
    (other / "back").symlink_to(root)
    names, passed = _found(root)
    assert names == ["a/film.mkv", "annexed.mkv", "file.mkv", "linked/b.mkv", "linked/deep/c.mkv"]
    assert {each.name for each in passed if each.reason == "link"} == {
        "a/up", "again", "dangling.mkv", "film.mkv", "linked/back", "linked/loop", "self", "twice",
    }  # fmt: skip


def test_links_that_multiply_paths_end(tmp_path: Path) -> None:
    """Folders whose links lead to each other have 2^30 paths, of which few are walked."""
    root = tmp_path / "root"
    root.mkdir()
    for depth in range(30):
        folder = tmp_path / "out" / str(depth)
        folder.mkdir(parents=True)
        (folder / "film.mkv").write_bytes(MP4)
        for name in "ab":
            (folder / name).symlink_to(tmp_path / "out" / str(depth + 1))
    (root / "start").symlink_to(tmp_path / "out" / "0")
    assert len(_found(root)[0]) == 30


def test_odd_files_and_names(tmp_path: Path) -> None:
    """Pipes and sockets are never opened; a name that is not text is reported."""
    os.mkfifo(tmp_path / "pipe.mkv")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.mkv"))
    (tmp_path / os.fsdecode(b"\xff.mkv")).write_bytes(MP4)
    odd = ["-i.mkv", "a\nb.mkv", "{x}.mkv", "ü é.mkv", "x" * 251 + ".mkv"]
    _write(tmp_path, odd)
    names, passed = _found(tmp_path)
    assert names == sorted(odd)
    reasons = {os.fsencode(each.name): each.reason for each in passed}
    assert reasons == {b"\xff.mkv": "unreadable", b"pipe.mkv": "special", b"socket.mkv": "special"}


def test_what_cannot_be_read_is_reported(ordinary_user: Path) -> None:
    """The walk goes on after a folder or file without permission, and says which it was."""
    root = _write(
        ordinary_user / "films", {"a.mkv": MP4, "closed/b.mkv": MP4, "locked": MP4, "z": MP4}
    )
    (root / "closed").chmod(0)
    (root / "locked").chmod(0)
    names, passed = _found(root)
    (root / "closed").chmod(0o700)
    assert names == ["a.mkv", "z"]
    assert passed == {
        Passed("closed", "unreadable", "Permission denied"),
        Passed("locked", "unreadable", "Permission denied"),
    }


def test_a_very_deep_tree(tmp_path: Path) -> None:
    """A path that is too long for the system is reported, and the rest is found."""
    _write(tmp_path, ["z.mkv"])
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(30):
        os.mkdir("d" * 200, dir_fd=here)
        inner = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    names, passed = _found(tmp_path)
    assert names == ["z.mkv"]
    assert [each.message for each in passed] == ["File name too long"]


def test_a_root_that_is_missing_or_no_folder(tmp_path: Path) -> None:
    """Asking for a folder that is not there is an error, not an empty library."""
    with pytest.raises(SourceNotFoundError, match="does not exist"):
        next(find(Place.of(tmp_path / "missing")))
    _write(tmp_path, ["a.mkv"])
    with pytest.raises(SourceUnreadableError, match="Not a directory"):
        next(find(Place.of(tmp_path / "a.mkv")))


def test_memory_is_that_of_one_folder(tmp_path: Path) -> None:
    """A library of 100 folders of 100 names takes no more memory than its largest folder."""
    for folder in range(100):
        (tmp_path / f"{folder:03}").mkdir()
        for name in range(100):
            (tmp_path / f"{folder:03}" / f"{name}.mkv").touch()
    films = find(Place.of(tmp_path))
    next(films)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert sum(1 for _ in films) == 9999
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2048  # KiB


def test_what_is_a_library(tmp_path: Path) -> None:
    """Folders, buckets and prefixes that end with a slash have many videos; others are one."""
    _write(tmp_path, ["a.mkv"])
    assert is_library(Place.of(tmp_path))
    assert not is_library(Place.of(tmp_path / "a.mkv"))
    assert is_library(Place.of("s3://films"))
    assert is_library(Place.of("gs://films/a/"))
    assert not is_library(Place.of("s3://films/a"))
    assert not is_library(Place.of("https://cdn.example/a/"))


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An emulated S3 with films and other objects below `films/in`."""
    if not PROGRAM.exists():
        pytest.skip("no emulated S3: `make test` installs it")
    with pytest.MonkeyPatch.context() as patch, S3Server(tmp_path_factory.mktemp("s3")) as server:
        for name in [each for each in os.environ if each.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in KEYS.items():
            patch.setenv(name, value)
        server.put("films")
        for key, data in {
            "in/S 1/é#?%41.mkv": MP4,
            "in/S 1/bare": MP4,
            "in/S 1/code.ts": b"let a = 1;\n" * 9,
            "in/S 1/notes": SRT,
            "in/S 1/picture.jpg": MP4,
            "in/S 1/set/.scrubjay/plan.json": b"{}",
            "in/S 1/set/animations/0.mp4": MP4,
            "in/S 1/set!.mkv": MP4,
            "in/S 1/zero.mkv": b"",
            "in/.hidden/a.mkv": MP4,
            "in/a.mkv.part": MP4,
            "in/b.mkv": MP4,
            "inside/c.mkv": MP4,
        }.items():
            server.put("films", key, data)
        yield server


def test_a_bucket(bucket: S3Server) -> None:
    """Objects below a prefix are found as files are; a suffix that is certain saves a request."""
    root = Place.of("s3://films/in/", endpoint=bucket.url)
    names, passed = _found(root)
    assert names == ["S 1/bare", "S 1/set!.mkv", "S 1/é#?%41.mkv", "b.mkv"]
    assert {each.name: each.reason for each in passed} == {
        ".hidden/a.mkv": "hidden",
        "S 1/code.ts": "text",
        "S 1/notes": "text",
        "S 1/picture.jpg": "picture",
        "S 1/set": "set",
        "S 1/zero.mkv": "other",
        "a.mkv.part": "unfinished",
    }
    film = list(find(root))[2]
    assert film.source.address == "s3://films/in/S 1/é#?%41.mkv"
    assert film.source.endpoint == bucket.url
    assert film.stamp.identifies
    assert film.stamp.size_bytes == len(MP4)


def test_an_empty_prefix_or_a_missing_bucket(bucket: S3Server) -> None:
    """Both are errors that name the address."""
    for address in ("s3://films/nothing/", "s3://no-such-bucket/"):
        with pytest.raises(SourceNotFoundError, match=address):
            next(find(Place.of(address, endpoint=bucket.url)))


def test_a_key_that_cannot_be_listed(bucket: S3Server) -> None:
    """Obstore refuses such keys; the error names one, and nothing is left out silently."""
    bucket.put("films", "odd/a//b.mkv", MP4)
    with pytest.raises(SourceUnreadableError, match=r"a//b\.mkv"):
        list(find(Place.of("s3://films/odd/", endpoint=bucket.url)))
