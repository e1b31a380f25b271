"""Damage that reading meets: where it is, and whether reading may go on."""

from fractions import Fraction

from scrubjay.timing import Timeline

__all__ = ["Damage", "StartAgainError"]


class StartAgainError(Exception):
    """The video is damaged: pictures may depend on where reading began, and on threads.

    A skipped frame may also be the only one that decodes. So that a slice's pictures do not depend
    on any of this, it is started again: the video is newly opened, and read from the slice's own
    keyframe with one thread and without skipping.
    """


class Damage:
    """What was found damaged in one stream.

    Args:
        timeline: how the stream's ticks map to seconds.
        has_pts: whether the PTS of a frame is its time.
    """

    def __init__(self, timeline: Timeline, *, has_pts: bool) -> None:
        self._timeline = timeline
        self._has_pts = has_pts
        self.is_threaded = False
        """Whether several threads decode: then damage raises `StartAgainError`, because
        the pictures around it would depend on the number of threads."""
        self.raises = False
        """Whether damage raises `StartAgainError` all the same, because damaged pictures would
        depend on what was read before them, or on what was skipped."""
        self.is_found = False
        """Whether anything that was read since `clear` was damaged."""
        self.is_encrypted = False
        """Whether any packet was encrypted. Encrypted packets are skipped and count as damaged."""
        self.times: set[Fraction] = set()
        """Times, in exact seconds, of the packets since `clear` that could not be decoded, that are
        marked as corrupt, or whose frame the decoder calls corrupt or has guessed."""

    def clear(self) -> None:
        """Forget the damage found so far, because reading starts elsewhere."""
        self.times.clear()
        self.is_found = False

    def note(self, tick: int | None) -> None:
        """Note damage.

        Args:
            tick: of the damaged packet; None if it is not known.

        Raises:
            StartAgainError: reading must not go on.
        """
        if self.is_threaded or self.raises:
            raise StartAgainError
        self.is_found = True
        if tick is not None:
            self.times.add(self._timeline.seconds(tick))

    def note_frame(self, pts: int | None, tick: int | None) -> None:
        """Note that a decoded frame is damaged.

        Args:
            pts: of the frame.
            tick: of the packet decoded last.

        Raises:
            StartAgainError: reading must not go on.
        """
        self.note(pts if self._has_pts else tick)
