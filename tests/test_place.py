"""Addresses of videos and destinations."""

from pathlib import Path

import pytest

from scrubjay.errors import PlaceError
from scrubjay.places.place import Place, redacted
from scrubjay.places.remote import signed
from scrubjay.sets.store import Store
from scrubjay.stages import url_from

SIGNED = "https://user:pass@cdn.example/films/a%20b.mp4?X-Amz-Signature=secret&X-Amz-Date=1"


@pytest.mark.parametrize(
    ("text", "scheme", "bucket", "name"),
    [
        ("s3://films/x y/é.mp4", "s3", "films", "é.mp4"),
        ("gs://films/x.mp4", "gs", "films", "x.mp4"),
        ("AZ://films/x.mp4", "az", "films", "x.mp4"),
        ("s3://films", "s3", "films", "films"),
        ("http://127.0.0.1:80/x.mp4", "http", "127.0.0.1:80", "x.mp4"),
        (SIGNED, "https", "cdn.example", "a b.mp4"),
    ],
)
def test_url(text: str, scheme: str, bucket: str, name: str) -> None:
    """A URL says its scheme, its bucket and a name for people."""
    place = Place.of(text)
    assert (place.scheme, place.bucket, place.name) == (scheme, bucket, name)
    assert not place.is_local


@pytest.mark.parametrize("text", ["a:b.mp4", "-i.mp4", "~x.mp4", "s3:/x", Path("folder") / "x"])
def test_path(text: str | Path) -> None:
    """What has no scheme is a path, however odd its name."""
    place = Place.of(text)
    assert place.is_local
    assert place.address == str(Path.cwd() / text)
    assert place.name == Path(text).name


def test_keys_of_stores_are_raw() -> None:
    """A store's key is what stands after the bucket, with nothing decoded."""
    assert Place.of("s3://b/a%20b/c?d#e.mp4").key == "a%20b/c?d#e.mp4"


@pytest.mark.parametrize("text", ["ftp://host/x.mp4", "s3:///x", "https://"])
def test_unknown(text: str) -> None:
    """A URL of another kind, or without a host, is refused."""
    with pytest.raises(PlaceError, match=r"is not supported|has no host"):
        Place.of(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://[SECRET/x.mp4",
        "https://h/\udcffSECRET.mp4",
        "s3://b/\udcffSECRET",
        "https://user:SECRET#x@h/x.mp4",
        "https://user:SECRET@h:0/x.mp4",
        "https://user:SECRET@/x.mp4",
        "https://?token=SECRET",
        "rtsp://user:SECRET@h/x.mp4",
    ],
)
def test_what_is_refused_is_not_repeated(text: str) -> None:
    """An address that cannot be taken apart or sent is refused, and its secrets are not said."""
    with pytest.raises(PlaceError) as caught:
        Place.of(text)
    for each in (caught.value, caught.value.__cause__, caught.value.__context__):
        assert "SECRET" not in str(each)


def test_secrets_are_not_shown() -> None:
    """Neither a place nor an error's text shows a signature or a user."""
    place = Place.of(SIGNED)
    for text in (place.shown, repr(place), str(place), redacted(f"403 from '{SIGNED}', sorry")):
        assert "secret" not in text
        assert "pass" not in text
        assert "https://cdn.example/films/a%20b.mp4?..." in text
    assert redacted(f"403 from '{SIGNED}', sorry").endswith("?...', sorry")
    assert redacted("no rtsp://user:pw@h/x?a=b here") == "no rtsp://h/x?... here"


@pytest.mark.parametrize("sign", ["'", '"', "<", ">", " ", "é"])
def test_no_character_ends_an_address(sign: str) -> None:
    """Whatever stands before them, user and query are not shown, nor in what FFmpeg repeats."""
    place = Place.of(f"https://u{sign}r:SECRET@cdn.example/it{sign}s.mp4?a={sign}&token=SECRET#x")
    assert place.shown == f"https://cdn.example/it{sign}s.mp4?..."
    assert "SECRET" not in redacted(f"403 from '{signed(place)}'")
    assert not place.is_public


def test_only_public_addresses_are_published() -> None:
    """A page plays a video from the web if its address holds neither user nor query."""
    store = Store.in_memory()
    for text in ("https://h/it's.mp4?token=1", "https://u:p@h/x.mp4", "s3://b/x.mp4"):
        assert url_from(store, Place.of(text)) is None
    for text in ("https://h/it's.mp4", "https://h/x.mp4#?token=1", "http://h/a@b.mp4"):
        assert url_from(store, Place.of(text)) == text.partition("#")[0]


def test_an_address_takes_no_password() -> None:
    """A bucket's address with a user in it is refused, and not repeated."""
    with pytest.raises(PlaceError) as caught:
        Place.of("s3://KEY:SECRET@bucket/key")
    assert "SECRET" not in str(caught.value)


def test_a_name_shows_no_password() -> None:
    """A web address without a path is named by its host alone."""
    assert Place.of("https://user:pass@cdn.example/?token=1").name == "cdn.example"


def test_an_endpoint_is_for_s3() -> None:
    """A server that speaks S3 is no matter of other clouds, web addresses and paths."""
    endpoint = "http://127.0.0.1:9000"
    assert Place.of("s3://a/b", endpoint=endpoint).endpoint == endpoint
    assert not Place.of("gs://a/b", endpoint=endpoint).endpoint
    assert not Place.of("az://a/b", endpoint=endpoint).endpoint
    assert not Place.of("https://cdn.example/b", endpoint=endpoint).endpoint
    assert not Place.of("movie.mp4", endpoint=endpoint).endpoint
    place = Place.of("s3://a/b", endpoint=endpoint)
    assert Place.of(place) is place
