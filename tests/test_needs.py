"""Documents that cannot be made are refused when the set is planned, in a sentence that helps."""

from collections.abc import Callable
from fractions import Fraction

import pytest
from msgspec.structs import replace

from scrubjay.documents.base import tracks_of
from scrubjay.errors import RecipeError
from scrubjay.model import Plan, Recipe, Sheet, Still
from scrubjay.registry import DOCUMENTS

Planned = Callable[..., Plan]

BARE = Recipe(animations=(), frames=())
PACKED = Still(format="mjpg", interval=Fraction(10), width=320)


@pytest.mark.parametrize(
    ("name", "fields", "words"),
    [
        ("bif", {}, r"needs stills with format = 'mjpg'.*add such frames"),
        ("bif", {"frames": (Still(),)}, r"format = 'mjpg'"),
        ("mjpg", {}, r"format = 'mjpg'"),
        ("emby", {}, r"format = 'mjpg'"),
        ("storyboard", {"frames": (PACKED,), "sheets": ()}, r"which needs sheets"),
        ("webvtt", {"frames": (PACKED,), "sheets": ()}, r"which needs sheets"),
        ("hls", {"frames": (PACKED,), "sheets": ()}, r"which needs sheets"),
        ("dash", {"frames": (PACKED,), "sheets": ()}, r"which needs sheets"),
        ("jellyfin", {"frames": (PACKED,), "sheets": ()}, r"sheets with format = 'jpeg'"),
        ("jellyfin", {"sheets": (Sheet(format="webp"),)}, r"sheets with format = 'jpeg'"),
        ("poster", {"frames": (Still(),)}, r"format = 'jpeg' and per = 'video'"),
        (
            "emby",
            {"frames": (Still(format="mjpg", interval=Fraction(1, 2)),)},
            r"whole seconds, and a still of 'frames' lasts 0\.5 s; use another interval",
        ),
        (
            "bif",
            {"frames": (Still(format="mjpg", interval=Fraction(1, 3)),)},
            r"whole milliseconds, and a still of 'frames' lasts 0\.333333 s",
        ),
        (
            "dash",
            {
                "sheets": (Sheet(interval=Fraction(1, 2), columns=5),),
                "slice_length": Fraction(5, 2),
            },
            r"whole seconds, and a sheet of 5 x 1 thumbnails of 'sheets' lasts 2\.5 s",
        ),
    ],
)
def test_a_document_without_what_it_needs(
    planned: Planned, name: str, fields: dict[str, object], words: str
) -> None:
    """The sentence names the field and the document, what it is made of, and the way out."""
    recipe = replace(BARE, **fields, documents=(name,))
    with pytest.raises(RecipeError, match=words) as caught:
        planned(Fraction(60), recipe)
    assert str(caught.value).startswith(f"documents has '{name}', ")
    assert str(caught.value).endswith(f"remove '{name}'")


def test_every_document_can_be_had(planned: Planned) -> None:
    """One recipe has them all, and each has a key of its own."""
    poster = Still(name="poster", per="video")
    recipe = Recipe(frames=(PACKED, poster), sheets=(Sheet(),), documents=tuple(DOCUMENTS))
    tracks = tracks_of(planned(Fraction(60), recipe))
    assert set(tracks) >= set(DOCUMENTS)
    assert len(set(tracks.values())) == len(tracks)


def test_a_recipe_that_asks_for_nothing_gets_what_it_can_have(planned: Planned) -> None:
    """The documents that nobody asked for are left out where there is nothing for them."""
    plan = planned(Fraction(60), Recipe(sheets=()))
    assert tracks_of(plan) == {"page": "index.html"}


def test_one_sheet_may_have_any_length(planned: Planned) -> None:
    """Where a video needs but one sheet, it begins at 0, which is a whole second."""
    sheet = Sheet(interval=Fraction(1, 2), columns=5)
    recipe = replace(BARE, sheets=(sheet,), documents=("dash",))
    assert tracks_of(planned(Fraction(5, 2), recipe)) == {"dash": "thumbnails.xml"}
