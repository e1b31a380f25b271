"""One stream's packets and decoder: what reading on and jumping to keyframes share."""

from collections.abc import Callable, Iterator
from typing import Generic

from av.packet import Packet
from av.video.stream import VideoStream

from scrubjay.media.clocks import F
from scrubjay.media.damage import Damage
from scrubjay.media.decoders import Coded, DecoderFor, can_skip
from scrubjay.media.kinds import KindReader
from scrubjay.media.stitching import Stitcher
from scrubjay.media.video import Video
from scrubjay.model import MediaInfo
from scrubjay.timing import Timeline

__all__ = ["Counts", "StreamReader"]


class Counts:
    """What reading cost so far."""

    def __init__(self) -> None:
        self.read = 0
        """Packets read, some of them more than once."""
        self.decoded = 0
        """Frames that the decoder put out, lead-ins included."""
        self.seeks = 0


class StreamReader(Generic[F]):
    """Seeks in one stream, reads its packets and decodes them. Not thread-safe.

    Args:
        video: the opened video.
        media: what probing found in it.
        decoder_for: returns the decoder; called again when the video is opened again.
    """

    def __init__(self, video: Video, media: MediaInfo, decoder_for: DecoderFor[F]) -> None:
        self._video = video
        self._decoder_for = decoder_for
        self.timeline = Timeline(time_base=media.time_base, origin=media.origin)
        self.seeks = media.seeks
        """Whether seeks land where they should; if not, the video is read from its start."""
        self.has_pts = media.clock == "pts"
        self._stitcher = Stitcher(video.stream) if media.is_stitched else None
        self.on_packet: Callable[[], None] = lambda: None
        """Called for each packet that is read, so that long lead-ins report progress."""
        self.counts = Counts()
        self.damage = Damage(self.timeline, has_pts=self.has_pts)
        self._decodes_all = False
        self._set_up()

    def _set_up(self) -> None:
        """Prepare to decode the stream, which has just been opened."""
        self._stream = stream = self._video.stream
        self._decoder = self._decoder_for(stream, self.damage)
        self.kinds = KindReader(stream)
        self.can_leave_out = self.has_pts and not self._decodes_all and can_skip(stream)
        """Whether the decoder can leave out frames that no other refers to."""
        # MP4 and AVI have an index; what FFmpeg collects for others while it reads is incomplete
        self.has_index = self.seeks and len(stream.index_entries) > 1
        """Whether the file has an index of its keyframes."""

    @property
    def is_broken(self) -> bool:
        """Whether the last reading ended because nothing more could be read."""
        return self._video.is_broken

    @property
    def frames_in_video(self) -> int | None:
        """The number of frames in the file's header; None if it has none."""
        return self._stream.frames or None

    def indexed(self, tick: int, *, backward: bool = True) -> int | None:
        """Return the time of a keyframe in the file's index; None if there is none.

        Args:
            tick: where to look.
            backward: whether for the last keyframe at or before it, or the first at or after it.
        """
        index = self._stream.index_entries
        place = index.search_timestamp(tick, backward=backward)
        return index[place].timestamp if place >= 0 else None

    def decode_all(self) -> None:
        """Leave out no frame from here on: in a damaged video, one left out may be needed."""
        self._decodes_all, self.can_leave_out = True, False

    def seek(self, tick: int, *, backward: bool = True) -> bool:
        """Seek to the keyframe at or before a tick, or after it; return whether that works."""
        self.counts.seeks += 1
        works = self._video.seek(tick, backward=backward)
        if works:
            self._decoder.flush()
        return works

    def rewind(self) -> None:
        """Go to the start of the video."""
        self.counts.seeks += 1
        if self._video.at_start():
            self._set_up()

    def packets(self) -> Iterator["Packet[VideoStream]"]:
        """Read packets up to the end of the file."""
        if self._stitcher:
            self._stitcher.restart()
        for packet in self._video.read(on_unreadable=lambda: self.damage.note(None)):
            self.counts.read += 1
            self.on_packet()
            if self._stitcher:
                self._stitcher.shift(packet)
            yield packet

    def decode(self, coded: Coded | None) -> list[F]:
        """Decode a packet, or, if it is None, what the decoder has held back."""
        frames = self._decoder.decode(coded)
        self.counts.decoded += len(frames)
        return frames
