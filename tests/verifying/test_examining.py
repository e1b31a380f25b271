"""What examining says about objects that only look wrong."""

from fractions import Fraction

from moving import encoded, moving

from scrubjay.model import Size
from scrubjay.verifying.decoding.examining import examined
from scrubjay.verifying.wire import Examine


def test_an_animated_webp_of_equal_pictures_is_a_still() -> None:
    """Libwebp writes equal pictures once, so that nothing is left to animate."""
    [picture] = moving(1)
    data = encoded("webp", [picture] * 4)
    task = Examine(
        size_bytes=len(data),
        media_type="image/webp",
        canvas=Size(width=160, height=90),
        pictures=4,
        step=Fraction(1, 10),
        length=Fraction(4, 10),
    )
    found = examined(data, task, lambda: None)
    assert (found.wrong, found.pictures) == ((), 1)
