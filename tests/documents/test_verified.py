"""What the independent readers say about sets with gaps, odd sheets and a variable rate."""

from numbered import Made

import scrubjay


def test_every_set_holds(made: Made) -> None:
    """No reader of a document finds anything; gaps are counted."""
    [report] = scrubjay.verify(made.store).sets
    assert report.findings == ()
    assert report.gaps == len(made.gaps)
    assert report.documents > len(made.plan.recipe.documents)
