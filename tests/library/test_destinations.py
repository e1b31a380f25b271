"""Where the sets of a library go."""

from pathlib import Path

import pytest

from scrubjay.errors import DestinationError, PlaceError, RecipeError
from scrubjay.library.destinations import Destinations, check_distinct
from scrubjay.library.film import Film
from scrubjay.places.place import Place

ROOT = Place.of("/media/films")


def _film(name: str, root: Place = ROOT) -> Film:
    return Film(source=Place(address=f"{root.address}/{name}", endpoint=root.endpoint), name=name)


def _destinations(output: str, **options: bool) -> Destinations:
    return Destinations(output, base=ROOT, roots=[ROOT], **options)


@pytest.mark.parametrize(
    ("output", "name", "address"),
    [
        ("/out", "Season 1/e01.mkv", "/out/Season 1/e01.mkv"),
        ("/out/", "a.mp4", "/out/a.mp4"),
        ("/", "a.mp4", "/a.mp4"),
        ("s3://b/p", "é/a?#%.mkv", "s3://b/p/é/a?#%.mkv"),
        ("s3://b", "a.mkv", "s3://b/a.mkv"),
        ("beside", "Season 1/e01.mkv", "/media/films/Season 1/e01.mkv.previews"),
        ("{folder}/{stem}.trickplay", "S/e.01.mkv", "/media/films/S/e.01.trickplay"),
        ("/p/{parent}/{stem}-{suffix}", "e01.mkv", "/p/e01-mkv"),
        ("/p/{parent}/{stem}", "S/no_suffix", "/p/S/no_suffix"),
        ("/p/{{x}}/{path}", "e01.mkv", "/p/{x}/e01.mkv"),
        ("/out", "index.html", "/out/~69ndex.html"),
        ("/out", "a/index.html", "/out/a/index.html"),
        ("/out", "a/../b", "/out/a/~2e~2e/b"),
        ("/out", "a\nb", "/out/a~0ab"),
        ("/out", "a~0ab", "/out/a~7e0ab"),
        ("/out", "{x}{0.__class__}.mkv", "/out/{x}{0.__class__}.mkv"),
    ],
)
def test_where_a_set_goes(output: str, name: str, address: str) -> None:
    """Sets mirror the paths of films, or go where a template says; odd names are escaped."""
    assert _destinations(output)(_film(name)).address == address


def test_names_that_are_too_long_are_cut() -> None:
    """Names over 255 bytes, which no folder can have, end in a digest that keeps them apart."""
    where = _destinations("/out")
    first, second = (where(_film(f"{'é' * 200}{n}.mkv")).name for n in range(2))
    assert first != second
    assert max(len(each.encode()) for each in (first, second)) <= 255
    beside = _destinations("beside")(_film("x" * 255))
    assert len(beside.name) == 255


def test_the_same_name_without_suffix_is_another_set() -> None:
    """`a.mp4` and `a.mkv` have a set each."""
    where = _destinations("/out")
    assert where(_film("a.mp4")) != where(_film("a.mkv"))
    assert not where.may_clash


@pytest.mark.parametrize(
    ("output", "may_clash"),
    [
        ("beside", False),
        ("/out/{path}", False),
        ("/out/{parent}/{name}", False),
        ("/out/{parent}/{stem}.{suffix}", False),
        ("/out/{name}", True),
        ("/out/{parent}/{stem}", True),
        ("{folder}/{stem}", True),
    ],
)
def test_a_template_may_leave_out_what_tells_films_apart(output: str, *, may_clash: bool) -> None:
    """Only such a template has to be checked before anything is made."""
    assert _destinations(output).may_clash is may_clash


def test_several_folders_may_clash() -> None:
    """Two folders can both have an `e01.mkv`; beside the films, they are apart."""
    roots = [ROOT, Place.of("/media/shows")]
    assert Destinations("/out", base=ROOT, roots=roots).may_clash
    assert not Destinations("beside", base=ROOT, roots=roots).may_clash


def test_two_films_for_one_destination_are_refused() -> None:
    """The error names both films and the place."""
    where = _destinations("/out/{stem}")
    check_distinct(map(_film, ["a.mkv", "b.mkv", "a.mkv"]), where)
    with pytest.raises(DestinationError, match=r"films/a\.mkv and .*x/a\.mp4 .* /out/a; n"):
        check_distinct(map(_film, ["a.mkv", "x/a.mp4"]), where)


def test_a_file_system_that_folds_case() -> None:
    """There, names that differ only in case, or in how an accent is written, are refused."""
    where = _destinations("/out", folds_case=True)
    for name in ("A.mkv", "Cafe\u0301.mkv", "A.mkv"):
        where(_film(name))
    for name in ("a.mkv", "caf\u00e9.mkv"):
        with pytest.raises(DestinationError, match="upper and lower case"):
            where(_film(name))


def test_this_file_system_tells_case_apart(tmp_path: Path) -> None:
    """Trying it leaves nothing behind."""
    where = Destinations(str(tmp_path / "new"), base=ROOT, roots=[ROOT])
    assert where(_film("A.mkv")) != where(_film("a.mkv"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("/out/{title}", "no field {title}; there are {folder}, {path}"),
        ("/out/{}", "no field {}"),
        ("/out/{name!r}", "no field {name}"),
        ("/out/{name:>9}", "no field {name}"),
        ("/out/{name.__class__}", "no field"),
        ("/out/{name", "without its partner"),
        ("/out/name}", "without its partner"),
        ("/out/{parent}", "same destination"),
        ("/out/{folder}/{name}", "must come first"),
    ],
)
def test_wrong_templates(output: str, message: str) -> None:
    """A template that cannot work is refused at once, in words."""
    with pytest.raises(RecipeError) as error:
        _destinations(output)
    assert message in str(error.value)


def test_a_set_never_replaces_its_video() -> None:
    """`-o` with the folder of the films themselves is refused, with the way that works."""
    with pytest.raises(DestinationError, match="-o beside"):
        _destinations("/media/films")(_film("a.mkv"))


def test_nothing_goes_beside_a_video_on_a_web_server() -> None:
    """Web servers cannot be written to."""
    web = Film(source=Place.of("https://cdn.example/a.mp4"), name="a.mp4")
    with pytest.raises(DestinationError, match="web server"):
        _destinations("beside")(web)


def test_an_unknown_scheme_is_refused() -> None:
    """A template's address is one that sets can be written to."""
    with pytest.raises(PlaceError, match="ftp"):
        _destinations("ftp://x/{path}")(_film("a.mkv"))


@pytest.mark.parametrize(
    ("output", "root"),
    [
        ("/out", "/out"),
        ("/out/sets/x-{name}", "/out/sets"),
        ("s3://b/p", "s3://b/p"),
        ("s3://b/{path}", "s3://b"),
        ("beside", "/media/films"),
        ("{folder}/{name}.p", "/media/films"),
        ("/{path}", "/"),
    ],
)
def test_the_root_of_the_sets(output: str, root: str) -> None:
    """The library's index goes to the folder that all its sets are below."""
    assert _destinations(output).root.address == root


def test_the_endpoint_is_kept() -> None:
    """Sets in a bucket are on the server that the settings name."""
    base = Place.of("s3://films/", endpoint="http://127.0.0.1:9")
    where = Destinations("s3://sets", base=base, roots=[base])
    assert where(_film("a.mkv", base)).endpoint == "http://127.0.0.1:9"
    beside = Destinations("beside", base=base, roots=[base])
    assert beside(_film("x/a.mkv", Place.of("s3://films"))).address == "s3://films/x/a.mkv.previews"


def test_a_film_may_take_the_place_of_one_that_is_gone() -> None:
    """Where case is folded, `A.mp4` can be renamed `a.mp4`; two such films are refused."""
    where = _destinations("/out", folds_case=True)
    where(_film("A.mp4"))
    with pytest.raises(DestinationError, match="differ only in upper and lower case"):
        where(_film("a.mp4"))
    where.forget("A.mp4")
    assert where(_film("a.mp4")).address == "/out/a.mp4"
    with pytest.raises(DestinationError, match=r"A\.mp4 and a\.mp4"):
        where(_film("A.mp4"))
