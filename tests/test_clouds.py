"""Buckets: an emulated S3 that checks signatures, and the others as far as they go offline."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from msgspec.structs import replace
from obstore.store import S3Store
from s3_server import KEYS, PROGRAM, S3Server

import scrubjay
from scrubjay.engines.inline import InlineEngine
from scrubjay.engines.processes import ProcessEngine
from scrubjay.errors import (
    DestinationError,
    ObjectNotFoundError,
    SourceForbiddenError,
    SourceNotFoundError,
    StoreError,
)
from scrubjay.keys import DOCUMENT_FIELDS, MANIFEST, USAGE, document_key, video_stem
from scrubjay.model import Manifest, Recipe, decode
from scrubjay.places.clouds import open_bucket
from scrubjay.places.place import Place
from scrubjay.places.remote import RemoteFile, pinned, signed
from scrubjay.publishing import publish
from scrubjay.registry import DOCUMENTS
from scrubjay.sets.store import Store

SHORT = Recipe(slice_length=Fraction(5))


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An emulated S3 with the bucket `films`."""
    if not PROGRAM.exists():
        pytest.skip("no emulated S3: `make test` installs it")
    with pytest.MonkeyPatch.context() as patch, S3Server(tmp_path_factory.mktemp("s3")) as server:
        for name in [each for each in os.environ if each.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in KEYS.items():
            patch.setenv(name, value)
        server.put("films")
        yield server


def _place(server: S3Server, address: str) -> Place:
    return Place.of(address, endpoint=server.url)


@pytest.fixture
def store(s3: S3Server, request: pytest.FixtureRequest) -> Store:
    """An empty store below a prefix of the bucket."""
    return Store.open(_place(s3, f"s3://films/sets/a b+é/{request.node.name}"))


def test_what_is_put_is_got(store: Store) -> None:
    """Objects come back byte for byte, are listed below the prefix, and can be deleted."""
    store.put("frames/000001.jpg", b"123", "image/jpeg")
    store.put("manifest.json", b"{}", "application/json")
    assert store.get("frames/000001.jpg") == b"123"
    assert store.sizes() == {"frames/000001.jpg": 3, "manifest.json": 2}
    assert store.sizes("frames/") == {"frames/000001.jpg": 3}
    store.delete(["frames/000001.jpg", "missing"])
    assert store.sizes() == {"manifest.json": 2}
    with pytest.raises(ObjectNotFoundError, match="frames"):
        store.get("frames/000001.jpg")


def test_objects_say_what_they_are(store: Store) -> None:
    """Media type and caching are right: pictures never change, documents and state may."""
    kinds = {
        "frames/0123456789ab/000001.jpg": ("image/jpeg", "public, max-age=31536000, immutable"),
        "manifest.json": ("application/json", "no-cache"),
        ".scrubjay/slices/0123456789ab/000000-000030.json": ("application/json", "no-cache"),
    }
    for key, (media_type, _) in kinds.items():
        store.put(key, b"1", media_type)
        assert store.put_if(key, b"2", media_type, store.version(key))
    for key, (media_type, caching) in kinds.items():
        found = cast("Any", store._backend)._bucket.get(key).attributes
        assert (found["Content-Type"], found["Cache-Control"]) == (media_type, caching)


@pytest.mark.parametrize("is_there", [False, True])
def test_one_of_many_writers_is_first(store: Store, *, is_there: bool) -> None:
    """Of several that put a new object, or replace the same version, one is told that it did."""
    if is_there:
        store.put("a", b"old", "x/y")
    seen = store.version("a")
    assert bool(seen) == is_there
    with ThreadPoolExecutor(8) as pool:
        firsts = list(pool.map(lambda k: store.put_if("a", bytes([k]), "x/y", seen), range(8)))
    assert firsts.count(True) == 1
    assert store.get("a") == bytes([firsts.index(True)])
    assert store.version("a") != seen
    assert not store.put_if("a", b"late", "x/y", "")


def test_parts_and_folders_can_be_read(store: Store) -> None:
    """An object can be read in pieces; a folder lists its own files and folders alone."""
    data = bytes(range(256)) * (5 << 12)  # more than one piece
    for key in ("a/b.bin", "a/c/d.bin", "e.bin"):
        store.put(key, data, "x/y")
    assert b"".join(store.pieces("a/b.bin", len(data))) == data
    assert store.children() == (["e.bin"], ["a"])
    assert store.children("a/") == (["b.bin"], ["c"])
    with pytest.raises(ObjectNotFoundError):
        list(store.pieces("missing", 1))


def test_sets_in_a_bucket_are_verified_and_repaired(store: Store, clip: Path) -> None:
    """A library in a bucket: what is missing in one of its sets is named, and made again."""
    assert store.place
    inner = Store.open(replace(store.place, address=f"{store.place.address}/films/one"))
    recipe = Recipe(slice_length=Fraction(6), animations=())
    with InlineEngine() as engine:
        manifest = scrubjay.make(clip, inner, recipe=recipe, engine=engine)
        assert scrubjay.verify(store, source=clip).holds
        inner.delete([manifest.frames[3].key])
        report = scrubjay.verify(store)
        [found] = report.sets[0].findings
        assert (found.check, found.key) == ("object", manifest.frames[3].key)
        assert scrubjay.repair(store, report, source=clip, engine=engine) == 1
    assert scrubjay.verify(store).holds


def test_what_is_gone_is_not_replaced(store: Store) -> None:
    """An object that was deleted meanwhile is not brought back by who saw it before."""
    store.put("a", b"old", "x/y")
    seen = store.version("a")
    store.delete(["a"])
    assert not store.put_if("a", b"new", "x/y", seen)
    assert store.version("a") == ""
    assert store.sizes() == {}


@pytest.mark.parametrize("name", ["Film (2008).mkv", 'my "film" #1 & ünï %20 {x} ~a *?[b]+.mp4'])
def test_a_document_may_have_the_video_s_name(store: Store, name: str) -> None:
    """Emby's and Jellyfin's keys keep their spaces and signs in every store."""
    for file in (*DOCUMENTS["emby"].files, *DOCUMENTS["jellyfin"].files):
        fields = dict.fromkeys(DOCUMENT_FIELDS, "10") | {"video": video_stem(name)}
        key = document_key(file, "", **fields)
        assert store.put_if(key, b"1", "image/jpeg", "")
        assert list(store.sizes()) == [key]
        assert store.get(key) == b"1"
        store.delete([key])


def test_an_object_has_an_age(store: Store) -> None:
    """How long ago an object was written is known, to the second."""
    store.put("a", b"1", "x/y")
    assert -5 < store.age("a") < 60
    with pytest.raises(ObjectNotFoundError):
        store.age("b")


def test_a_set_goes_from_bucket_to_bucket(s3: S3Server, clip: Path, store: Store) -> None:
    """A set made by worker processes from S3 to S3 is the set made of the file, byte for byte."""
    s3.put("films", "in/clip.mp4", clip.read_bytes())
    source, target = _place(s3, "s3://films/in/clip.mp4"), store.place
    assert target is not None
    with ProcessEngine(workers=2) as engine:
        scrubjay.make(source, target, recipe=SHORT, engine=engine)
    local = Store.in_memory()
    scrubjay.make(clip, local, recipe=SHORT, engine=InlineEngine())
    assert {key: store.get(key) for key in store.sizes() if key != USAGE} == {
        key: local.get(key) for key in local.sizes() if key != USAGE
    }
    text = json.dumps({key: store.get(key).decode("latin-1") for key in store.sizes()})
    assert "X-Amz" not in text


def test_two_finishers_make_one_manifest(clip: Path, store: Store) -> None:
    """Publishing at the same time from several places gives one complete manifest."""
    plan = scrubjay.plan(clip, recipe=SHORT, engine=InlineEngine())
    for part in plan.slices:
        scrubjay.render_slice(plan, part.index, source=clip, store=store)
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: publish(plan, store), range(4)))
    assert all(each == made[0] for each in made)
    written = decode(store.get(MANIFEST), Manifest)
    assert written == made[0]
    assert written.status == "complete"


@pytest.mark.parametrize(
    "key",
    [
        "plain.mp4",
        "a b+c%d#e?é&f=g.mp4",
        "%2F.mp4",
        "a//b.mp4",
        "/lead.mp4",
        "trail/",
        "x/../y",
        "./z",
    ],
)
def test_every_key_can_be_read(s3: S3Server, key: str) -> None:
    """Whatever Amazon allows in a key, its signed URL reads it."""
    s3.put("films", key, key.encode())
    place = _place(s3, f"s3://films/{key}")
    assert RemoteFile(place).head == key.encode()
    assert pinned(place).etag


def test_what_s3_refuses_is_said(
    s3: S3Server, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No bucket, no such video, unknown keys: each is one sentence of its own."""
    nowhere = Store.open(_place(s3, "s3://no-such-bucket/set"))
    with pytest.raises(DestinationError, match="the bucket or folder does not exist"):
        nowhere.put("a", b"1", "x/y")
    with pytest.raises(DestinationError, match="the bucket or folder does not exist"):
        nowhere.sizes()
    with pytest.raises(SourceNotFoundError, match=r"s3://films/missing\.mp4 does not exist"):
        pinned(_place(s3, "s3://films/missing.mp4"))
    store.put("a", b"1", "x/y")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAUNKNOWN")
    assert store.place is not None
    stranger = Store.open(store.place)
    for action in (stranger.sizes, lambda: stranger.get("a")):
        with pytest.raises(DestinationError, match="credentials"):
            action()
    with pytest.raises(SourceForbiddenError):
        pinned(_place(s3, "s3://films/in/clip.mp4"))


def test_a_dead_endpoint_is_said_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that nobody serves is an error that may pass, within seconds."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    store = Store.open(Place.of("s3://films/set", endpoint="http://127.0.0.1:9"))
    with ThreadPoolExecutor(1) as pool, pytest.raises(StoreError) as caught:
        pool.submit(store.put, "a", b"1", "x/y").result(150)  # obstore's own patience is longer
    assert caught.value.retryable
    assert "\n" not in str(caught.value)


def test_a_slow_line_is_given_time() -> None:
    """There is no timeout between two bytes: it would also run while an object is being sent."""
    bucket = cast("S3Store", open_bucket(Place.of("s3://films/set")))
    assert bucket.client_options is not None
    assert set(bucket.client_options) == {"connect_timeout", "timeout"}


@pytest.mark.parametrize("address", ["https://cdn.example/sets/a", "http://127.0.0.1/set"])
def test_the_web_is_no_destination(address: str) -> None:
    """A web address cannot be written to, and is refused before anything is made."""
    with pytest.raises(DestinationError, match="cannot be written"):
        Store.open(address)


def test_azure_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address of Azure becomes a URL of its own; no emulator here checks it."""
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "c2VjcmV0")
    url = urlsplit(signed(Place.of("az://films/a b.mp4")))
    assert (url.netloc, url.path) == ("account.blob.core.windows.net", "/films/a%20b.mp4")
    assert parse_qs(url.query)["sp"] == ["r"]
    assert Store.open("az://films/set").lanes > 1


def test_google_is_signed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With a service account's key an address of Google becomes a URL that the key has signed."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    account = {
        "type": "service_account",
        "client_email": "films@example.iam.gserviceaccount.com",
        "private_key_id": "1",
        "private_key": pem.decode(),
    }
    path = tmp_path / "account.json"
    path.write_text(json.dumps(account))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT", str(path))
    url = urlsplit(signed(Place.of("gs://films/a b.mp4")))
    assert (url.netloc, url.path) == ("storage.googleapis.com", "/films/a%20b.mp4")
    assert account["client_email"] in parse_qs(url.query)["X-Goog-Credential"][0]
    assert Store.open("gs://films/set").lanes > 1
