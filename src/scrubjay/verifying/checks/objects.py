"""Every object that a record names exists, has its bytes, and decodes to what it should be."""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from hashlib import blake2b
from typing import NamedTuple

from scrubjay.errors import EngineError, ObjectNotFoundError, RenderError, WorkerStartError
from scrubjay.model import Animation, Artifact
from scrubjay.verifying.examiner import Examiners
from scrubjay.verifying.expected import Due, shown_times
from scrubjay.verifying.report import Finding
from scrubjay.verifying.subject import MOST_BYTES, Subject
from scrubjay.verifying.wire import Examine, Examined

__all__ = ["ObjectResult", "check_object", "objects_of"]


class ObjectResult(NamedTuple):
    """What looking at one object found."""

    findings: tuple[Finding, ...]
    size_bytes: int = 0
    """How many bytes were read."""
    pictures: int = 0


def objects_of(subject: Subject) -> Iterator[tuple[Due, Artifact]]:
    """Yield each object that the plan has and a record names."""
    for output in subject.plan.outputs:
        for due, artifact in subject.placed(output):
            if artifact is not None:
                yield due, artifact


def check_object(
    subject: Subject, due: Due, artifact: Artifact, examiners: Examiners
) -> ObjectResult:
    """Read an object once: for its digest here, and for its pictures in a confined process."""
    size = subject.sizes.get(artifact.key)
    if size is None:
        return ObjectResult((_finding(due, "object", "it is missing"),))
    if size != artifact.size_bytes or size > MOST_BYTES:
        return ObjectResult((_wrong_size(due, artifact.size_bytes, size),))
    read = _Digested(subject, artifact.key, size)
    try:
        findings, pictures = _examined(due, artifact, read, examiners)
        digest = read.digest()
    except ObjectNotFoundError:
        return ObjectResult((_finding(due, "object", "it is missing, or was cut just now"),))
    if digest != artifact.blake2b:
        message = "its bytes are not those that its record names"
        findings = [_finding(due, "digest", message, artifact.blake2b, digest), *findings]
    return ObjectResult(tuple(findings), size, pictures)


def _wrong_size(due: Due, recorded: int, size: int) -> Finding:
    if size == recorded:
        return _finding(due, "size", "it is larger than any object of a set")
    message = "it has another size than its record says"
    return _finding(due, "size", message, f"{recorded} bytes", f"{size} bytes")


class _Digested:
    """An object's bytes on their way to the process that decodes them, and their digest.

    Args:
        subject: the set.
        key: of the object.
        size: its size in bytes.
    """

    def __init__(self, subject: Subject, key: str, size: int) -> None:
        self._subject = subject
        self._key = key
        self._size = size
        self._is_read = False
        self._digest = blake2b(digest_size=16)

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes in pieces; call it once.

        Raises:
            ObjectNotFoundError: the object is gone, or shorter by now.
        """
        self._digest = blake2b(digest_size=16)
        for piece in self._subject.store.pieces(self._key, self._size):
            self._digest.update(piece)
            yield piece
        self._is_read = True

    def digest(self) -> str:
        """Return the digest, of bytes that are read now if the process died before it had all."""
        if not self._is_read:
            deque(self.pieces(), maxlen=0)
        return self._digest.hexdigest()


def _examined(
    due: Due, artifact: Artifact, read: _Digested, examiners: Examiners
) -> tuple[list[Finding], int]:
    """Decode an object; return what is wrong with it, and how many pictures were decoded."""
    try:
        examined = examiners.ask(Examined, _task(due, artifact), read.pieces())
    except (EngineError, RenderError) as error:
        if isinstance(error, WorkerStartError):
            raise
        return [_finding(due, "decode", f"it cannot be decoded: {error}")], 0
    findings = [
        _finding(due, each.check, each.message, each.expected, each.found)
        for each in examined.wrong
    ]
    return findings, examined.pictures


def _task(due: Due, artifact: Artifact) -> Examine:
    output = due.output
    step, length = Fraction(0), None
    if isinstance(output.options, Animation):
        step, length = shown_times(due, artifact.pictures)
        if artifact.shown_from is not None:
            length = min(artifact.pictures * step, due.end - artifact.shown_from)
    elif output.format.is_packed:
        step, length = output.spacing, due.end - due.start
    return Examine(
        size_bytes=artifact.size_bytes,
        media_type=artifact.media_type,
        canvas=output.canvas,
        pictures=artifact.pictures if length is not None else 1,
        step=step,
        length=length,
        picture_bytes=artifact.picture_bytes,
    )


def _finding(due: Due, check: str, message: str, expected: str = "", found: str = "") -> Finding:
    return Finding(
        check=check,
        key=due.key,
        message=message,
        expected=expected,
        found=found,
        start=float(due.start),
    )
