"""Which frame an instant shows, chosen from packets alone."""

import doctest

from scrubjay.media import picking


def test_the_worked_example_is_right() -> None:
    """What the docstring of `Instants` says of its example is what happens."""
    results = doctest.testmod(picking, optionflags=doctest.FAIL_FAST)
    assert results.attempted
    assert not results.failed
