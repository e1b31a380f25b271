"""Which outputs a recipe's documents need, and whether a plan has them. Pure."""

from fractions import Fraction

from scrubjay.errors import RecipeError
from scrubjay.model import Plan, PlannedOutput, Recipe
from scrubjay.registry import DOCUMENTS, DocumentKind

__all__ = ["check_documents", "outputs_for"]

_KINDS = {"animations": "an animation", "frames": "stills", "sheets": "sheets"}
_STEPS = {1: "milliseconds", 1000: "seconds"}


def outputs_for(plan: Plan, name: str) -> list[PlannedOutput]:
    """Return the outputs from which a document is made, in the plan's order."""
    kind = DOCUMENTS[name]
    outputs: dict[str, list[PlannedOutput]] = {"slice": [], "video": []}
    for output in plan.outputs:
        if kind.can_read(output.options.kind, output.options.format):
            outputs[output.options.per].append(output)
    of_slices, whole = outputs["slice"], outputs["video"][:1]
    first, second = (whole, of_slices) if kind.per == "video" else (of_slices, whole)
    return first or (second if kind.reads == "sheets" else [])


def check_documents(plan: Plan) -> None:
    """Check that every document that the recipe names can be made.

    A recipe with the default `documents` names none: it gets those that are possible.

    Raises:
        RecipeError: a document cannot be made; the text says what to change.
    """
    if plan.recipe.documents == Recipe().documents:
        return
    for name in plan.recipe.documents:
        kind, outputs = DOCUMENTS[name], outputs_for(plan, name)
        if kind.reads and not outputs:
            raise RecipeError(
                f"documents has {name!r}, which needs {_words(kind)}, and the recipe has none; "
                f"add such {kind.reads}, or remove {name!r}"
            )
        for output in outputs if kind.step_ms else ():
            _check_step(plan, name, output)


def _words(kind: DocumentKind) -> str:
    what = _KINDS[kind.reads]
    fields = [f"format = {' or '.join(map(repr, kind.formats))}"] if kind.formats else []
    if kind.per == "video" and kind.reads != "sheets":
        fields.append("per = 'video'")
    return f"{what} with {' and '.join(fields)}" if fields else what


def _check_step(plan: Plan, name: str, output: PlannedOutput) -> None:
    """Check that the format of a document can express an output's times.

    Raises:
        RecipeError: it cannot; the text says what to change.
    """
    step_ms, layout = DOCUMENTS[name].step_ms, output.layout
    length = output.spacing * layout.columns * layout.rows
    is_alone = output.options.kind == "sheets" and length >= plan.media.duration
    if is_alone or (length * 1000) % step_ms == 0:
        return
    is_sheet = output.options.kind == "sheets"
    what = f"a sheet of {layout.columns} x {layout.rows} thumbnails" if is_sheet else "a still"
    raise RecipeError(
        f"documents has {name!r}, whose times are whole {_STEPS[step_ms]}, and {what} of "
        f"{output.name!r} lasts {_decimal(length)} s; use another interval"
        f"{' or another grid' if is_sheet else ''}, or remove {name!r}"
    )


def _decimal(seconds: Fraction) -> str:
    return f"{float(seconds):.6f}".rstrip("0").rstrip(".")
