from hypothesis import given
from hypothesis import strategies as st

from scrubjay.errors import SourceError
from scrubjay.shown import printable


@given(text=st.text(alphabet=st.characters()))
def test_no_command_reaches_a_terminal(text: str) -> None:
    """Whatever a text holds, what is shown of it has no control characters and one line."""
    shown = printable(text)
    assert shown.splitlines() in ([], [shown])
    assert not any(ord(each) < 32 or 127 <= ord(each) < 160 for each in shown)
    assert shown.encode() is not None
    assert str(SourceError(text)) == shown


def test_ordinary_names_stay() -> None:
    """Letters, accents, emoji and spaces of any language are shown as they are."""
    for name in ("film.mp4", "Fílm 2 (é)\u00a0!.mp4", "映画.mp4", "👩‍👩‍👧.mp4", "می‌خواهم.mp4"):
        assert printable(name) == name
