"""The checks: a module for each family; `set_checks` are those that need no decoding."""

from collections.abc import Callable, Iterator

from scrubjay.verifying.checks.coverage import check_coverage
from scrubjay.verifying.checks.documents import check_documents
from scrubjay.verifying.checks.leftovers import check_leftovers
from scrubjay.verifying.checks.manifest import check_manifest
from scrubjay.verifying.checks.records import check_records
from scrubjay.verifying.report import Finding
from scrubjay.verifying.subject import Subject

__all__ = ["SET_CHECKS"]

SET_CHECKS: tuple[Callable[[Subject], Iterator[Finding]], ...] = (
    check_records,
    check_manifest,
    check_coverage,
    check_documents,
    check_leftovers,
)
