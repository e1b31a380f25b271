"""Scrubjay makes the previews that a video player shows on its seek bar.

    >>> import scrubjay
    >>> manifest = scrubjay.make("movie.mp4", "previews/")  # doctest: +SKIP

The names below are the whole public surface; each is loaded when it is first used, so that
importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scrubjay.engines.executor import ExecutorEngine
    from scrubjay.engines.inline import InlineEngine
    from scrubjay.engines.processes import ProcessEngine
    from scrubjay.engines.shared import WorkerPool
    from scrubjay.errors import IncompleteError, ScrubjayError
    from scrubjay.events import Event
    from scrubjay.excerpt import Excerpt, frame, gif, sheet
    from scrubjay.layouts import lay_out
    from scrubjay.library.film import Film
    from scrubjay.library.notes import Request
    from scrubjay.library.running import make_library
    from scrubjay.limits import Limits
    from scrubjay.model import Animation, Manifest, MediaInfo, Plan, Recipe, Sheet, Still
    from scrubjay.pipeline import explain, make, plan, probe, prune
    from scrubjay.places.place import Place
    from scrubjay.publishing import publish
    from scrubjay.repairing import repair
    from scrubjay.sets.store import Store
    from scrubjay.sharding.steps import begin, finish, make_shard
    from scrubjay.slices.renderer import render_slice
    from scrubjay.verifying.report import Report
    from scrubjay.verifying.verify import verify

__version__ = "0.1.0"

__all__ = [
    "Animation",
    "Event",
    "Excerpt",
    "ExecutorEngine",
    "Film",
    "IncompleteError",
    "InlineEngine",
    "Limits",
    "Manifest",
    "MediaInfo",
    "Place",
    "Plan",
    "ProcessEngine",
    "Recipe",
    "Report",
    "Request",
    "ScrubjayError",
    "Sheet",
    "Still",
    "Store",
    "WorkerPool",
    "__version__",
    "begin",
    "explain",
    "finish",
    "frame",
    "gif",
    "lay_out",
    "make",
    "make_library",
    "make_shard",
    "plan",
    "probe",
    "prune",
    "publish",
    "render_slice",
    "repair",
    "sheet",
    "verify",
]

_HOMES = {
    "Animation": "model",
    "Event": "events",
    "Excerpt": "excerpt",
    "ExecutorEngine": "engines.executor",
    "Film": "library.film",
    "IncompleteError": "errors",
    "InlineEngine": "engines.inline",
    "Limits": "limits",
    "Manifest": "model",
    "MediaInfo": "model",
    "Place": "places.place",
    "Plan": "model",
    "ProcessEngine": "engines.processes",
    "Recipe": "model",
    "Report": "verifying.report",
    "Request": "library.notes",
    "ScrubjayError": "errors",
    "Sheet": "model",
    "Still": "model",
    "Store": "sets.store",
    "WorkerPool": "engines.shared",
    "begin": "sharding.steps",
    "explain": "pipeline",
    "finish": "sharding.steps",
    "frame": "excerpt",
    "gif": "excerpt",
    "lay_out": "layouts",
    "make": "pipeline",
    "make_library": "library.running",
    "make_shard": "sharding.steps",
    "plan": "pipeline",
    "probe": "pipeline",
    "prune": "pipeline",
    "publish": "publishing",
    "render_slice": "slices.renderer",
    "repair": "repairing",
    "verify": "verifying.verify",
    "sheet": "excerpt",
}


def __dir__() -> list[str]:
    """List the public names, loaded or not: a REPL completes them."""
    return sorted(__all__)


def __getattr__(name: str) -> object:
    """Load a public name on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'scrubjay' has no attribute {name!r}")
    value: object = getattr(import_module(f"scrubjay.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
