"""Renders slices, from the source to the store; every engine uses it."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from fractions import Fraction
from functools import partial
from types import TracebackType
from typing import Self, TypeAlias

from av import VideoFrame

from scrubjay.errors import (
    SourceDamagedError,
    SourceError,
    SourceForbiddenError,
    SourceUnavailableError,
    SourceUnreadableError,
)
from scrubjay.limits import Limits, option_of
from scrubjay.media.ahead import ahead
from scrubjay.media.damage import StartAgainError
from scrubjay.media.decoders import VideoDecoder
from scrubjay.media.ffmpeg import source_errors
from scrubjay.media.frames import FrameReader, Shown
from scrubjay.media.source import stamp_of
from scrubjay.model import Artifact, Plan, PlannedOutput, Slice, SliceRecord
from scrubjay.places.place import Place, PlaceText
from scrubjay.places.remote import server_error
from scrubjay.planning import chosen_outputs, instants_of, targets_from
from scrubjay.sets.state import save_record
from scrubjay.sets.store import Sink, Store
from scrubjay.slices.encoding import Encoded, SliceEncoder
from scrubjay.slices.passes import Passes
from scrubjay.slices.reading import check_identity, open_reader
from scrubjay.slices.uploads import Uploads
from scrubjay.slices.versions import check_versions
from scrubjay.slices.whole import make_whole
from scrubjay.timing import short_clock

__all__ = ["SliceRenderer", "render_slice"]

_AHEAD = 4
"""Frames that are decoded ahead of the painted one, if there is a core for that."""

_NOISE_SHARE = 0.75
"""If the decoder calls this share of a slice's pictures corrupt, the slice is noise: a gap."""

_Outputs: TypeAlias = tuple[PlannedOutput, ...]

_Artifacts: TypeAlias = dict[str, list[Artifact]]

OnTime = Callable[[Fraction], None]
"""Called with the time, in seconds, up to which a slice's frames have been read."""

_MAY_BE_THE_CONNECTION = (SourceForbiddenError, SourceUnavailableError, SourceDamagedError)
"""Errors that an expired URL or a broken connection can cause for a video on a server."""


def render_slice(
    plan: Plan, index: int, *, source: PlaceText | Place, store: Store
) -> tuple[SliceRecord, ...]:
    """Render one slice of a plan and store it, and return the record of each output.

    Args:
        plan: what to make.
        index: which slice, 0-based.
        source: the plan's video: a path or a URL.
        store: where artifacts are written, and then the records.

    Raises:
        SourceError: the video cannot be read, is not the planned one, or gives no picture there.
        StoreError: an object could not be written.
    """
    with SliceRenderer(plan, source=Place.of(source), store=store) as renderer:
        return renderer.make(index)


class _Patience:
    """Reports progress for each packet, and stops a slice if too many packets give no picture.

    Args:
        name: name of the video.
        on_time: called with the time of the last picture.
        time: start of the slice.
        most: most packets in a row without a picture.
    """

    def __init__(self, name: str, on_time: OnTime, time: Fraction, most: int) -> None:
        self._name = name
        self._on_time = on_time
        self._time = time
        self._most = most
        self._idle = 0

    def __call__(self) -> None:
        """Count a packet that was read.

        Raises:
            SourceDamagedError: there were too many in a row without a picture.
        """
        self._idle += 1
        if self._idle > self._most:
            raise SourceDamagedError(
                f"{self._name} gives no picture in {self._most} packets after "
                f"{short_clock(self._time)}; raise the limit with {option_of('idle_packets')}"
            )
        self._on_time(self._time)

    def shown(self, time: Fraction) -> None:
        """Note that a picture was decoded."""
        self._time, self._idle = time, 0


class SliceRenderer(AbstractContextManager["SliceRenderer"]):
    """Makes slices of one plan and keeps the video open between them.

    For slices in rising order without holes, decoding continues where the slice before ended; any
    other order costs a seek and a lead-in. In a damaged video, decoding never continues across
    slices: each begins at its own keyframe, so that its pictures do not depend on the order.

    Args:
        plan: what to make.
        source: the plan's video.
        store: where artifacts and records are written.
        threads: threads that the decoder may use; with more than one, it also decodes ahead of
            painting, and animations are encoded behind it. The result does not depend on it.
        limits: most packets in a row without a picture.
        renewed: returns the source's place with a fresh URL, before it is opened again: a signed
            URL may have expired.

    Raises:
        SourceError: on entering, the video cannot be opened or is not the planned one.
        VersionError: the plan was made for other versions of the libraries that make pictures.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        source: Place,
        store: Sink,
        threads: int = 1,
        limits: Limits = Limits(),
        renewed: Callable[[Place], Place] = lambda place: place,
    ) -> None:
        check_versions(plan)
        self._plan = plan
        self._limits = limits
        self._source = source
        self._renewed = renewed
        self._was_open = False
        self._store = store
        self._threads = threads
        self._encoder = SliceEncoder(plan, threads)
        self._open = ExitStack()
        self._reader: FrameReader[VideoFrame] | None = None
        self._next_index: int | None = None
        self._outputs: _Outputs = ()
        self._is_fresh = True
        self._stamp: tuple[int, ...] = ()

    def __enter__(self) -> Self:
        self._open_reader()
        return self

    def _open_reader(self) -> FrameReader[VideoFrame]:
        """Open the video again, with a fresh URL."""
        self._close_reader()
        if self._was_open:
            self._source = self._renewed(self._source)
        self._was_open = True
        self._stamp = stamp_of(self._source)
        decoder_for = partial(VideoDecoder, threads=self._threads)
        reader = open_reader(self._plan, self._source, decoder_for)
        self._reader = self._open.enter_context(reader)
        self._is_fresh = True
        return self._reader

    def _close_reader(self) -> None:
        self._reader = self._next_index = None
        self._open.close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close_reader()

    def make(
        self, index: int, on_time: OnTime = lambda _: None, *, outputs: Collection[str] = ()
    ) -> tuple[SliceRecord, ...]:
        """Render one slice, store its artifacts, and then the record of each output.

        A slice is begun again in these cases:

        - The signed URL expires in the middle of the slice; it gets a fresh one.
        - A video on a server seems damaged, because the cause may be the connection.
        - The video is damaged, and the slice continued from another, used several decoder threads
          or skipped frames.

        Args:
            index: which slice, 0-based.
            on_time: called with the time that reading has reached.
            outputs: names of the outputs to make; all if empty.

        Raises:
            SourceDamagedError: nothing in the slice can be decoded, or the decoder guesses most of
                its pictures.
            SourceUnavailableError: the video's server broke the connection.
            StoreError: an object could not be written.
        """
        decodes_all = False
        slice_ = self._plan.slices[index]
        chosen = chosen_outputs(self._plan, outputs) or self._plan.outputs_of(slice_)
        try:
            return self._make(index, chosen, on_time)
        except StartAgainError:
            self._threads, decodes_all = 1, True
        except _MAY_BE_THE_CONNECTION:
            if self._source.is_local:
                raise
        self._close_reader()  # the second attempt's error is final
        return self._make(index, chosen, on_time, decodes_all=decodes_all)

    def _make(
        self, index: int, outputs: _Outputs, on_time: OnTime, *, decodes_all: bool = False
    ) -> tuple[SliceRecord, ...]:
        slice_ = self._plan.slices[index]
        on_time(slice_.start)  # opening may take a while
        render = self._rendered_whole if slice_.is_whole else self._rendered
        try:
            artifacts, damaged = render(slice_, outputs, on_time, decodes_all=decodes_all)
        except SourceError:
            self._close_reader()  # a retry needs a fresh URL, and must not depend on this slice
            if self._source.is_local:
                self._check_unchanged()  # which may look like damage
            raise
        self._check_unchanged()
        records = [self._record(slice_, each, artifacts[each.name], damaged) for each in outputs]
        for output, record in zip(outputs, records, strict=True):
            save_record(self._store, output, record)
        if decodes_all or (self._reader and self._reader.stream.damage.is_found):
            self._close_reader()  # no later slice may depend on this one
        else:
            self._next_index, self._outputs = index + 1, outputs
        return tuple(records)

    def _check_unchanged(self) -> None:
        """Check that the file was not changed while it was read, which could give any picture."""
        stamp = stamp_of(self._source)
        if stamp != self._stamp:
            check_identity(self._plan, self._source)  # it may only have been touched or copied
            self._stamp = stamp

    def _rendered(
        self, slice_: Slice, outputs: _Outputs, on_time: OnTime, *, decodes_all: bool
    ) -> tuple[_Artifacts, int]:
        """Render a slice and store its artifacts; return them, and how much of it is damaged."""
        reader = self._ready(decodes_all=decodes_all)
        # with a tolerance, pictures are chosen with regard to all outputs, requested or not
        read = self._plan.outputs_of(slice_) if self._plan.recipe.tolerance else outputs
        goes_on = slice_.index == self._next_index and outputs == self._outputs
        self._next_index = None  # a slice that fails is begun again
        reader.stream.damage.raises = reader.stream.can_leave_out or not self._is_fresh
        self._is_fresh = False
        if not goes_on:
            reader.start(targets_from(self._plan, slice_.index, read))
        shown = self._shown(reader, slice_, read, on_time)
        with closing(self._encoder.encode(slice_, shown, outputs)) as made:
            artifacts = self._stored(made, outputs)
        return artifacts, self._damaged_in(reader, slice_)

    def _rendered_whole(
        self, slice_: Slice, outputs: _Outputs, on_time: OnTime, *, decodes_all: bool
    ) -> tuple[_Artifacts, int]:
        """Render what the whole video has once, and store it; return it, and what is damaged."""
        self._next_index = None
        patience = _Patience(
            self._plan.source.name, on_time, slice_.start, self._limits.idle_packets
        )

        def reader() -> FrameReader[VideoFrame]:
            if decodes_all:
                self._close_reader()
            found = self._ready(decodes_all=decodes_all)
            found.stream.damage.raises = not decodes_all
            found.stream.on_packet = patience
            return found

        passes = Passes(
            reader,
            end=slice_.end,
            is_damaged=decodes_all,
            on_shown=patience.shown,
            on_missing=self._check_server,
        )
        made = make_whole(self._plan, slice_, outputs, passes)
        return self._stored(made, outputs), len(passes.damaged)

    def _ready(self, *, decodes_all: bool) -> FrameReader[VideoFrame]:
        """Return the open reader."""
        reader = self._reader or self._open_reader()
        if decodes_all:
            reader.stream.decode_all()
        return reader

    def _stored(self, made: Iterable[Encoded], outputs: _Outputs) -> _Artifacts:
        """Store artifacts as they are made, and return them by output."""
        artifacts: _Artifacts = {output.name: [] for output in outputs}
        try:
            with source_errors(self._source), Uploads(self._store, on_wait=self._beat) as uploads:
                for encoded in made:
                    uploads.put(encoded)
                    artifacts[encoded.output.name].append(encoded.artifact)
        except SourceForbiddenError:
            raise
        except SourceUnreadableError as error:  # perhaps only in this slice
            raise SourceDamagedError(str(error)) from error
        except SourceDamagedError:
            self._check_server()
            raise
        return artifacts

    def _beat(self) -> None:
        """Report progress while waiting, with the time that was reported last."""
        if self._reader:
            self._reader.stream.on_packet()

    def _shown(
        self, reader: FrameReader[VideoFrame], slice_: Slice, outputs: _Outputs, on_time: OnTime
    ) -> Iterator[Shown[VideoFrame]]:
        """Yield the slice's shown frames and report each; raise if there is nothing to show."""
        planned_count = len(instants_of(self._plan, slice_, outputs))
        count, tolerance = 0, self._plan.recipe.tolerance
        own: dict[Fraction, bool] = {}  # whether each picture first shown here is guessed
        reader.stream.on_packet = patience = _Patience(
            self._plan.source.name, on_time, slice_.start, self._limits.idle_packets
        )
        read = reader.until(slice_.end)
        with closing(ahead(read, _AHEAD) if self._threads > 1 else read) as pictures:
            for shown in pictures:
                if shown.source_time > max(shown.time + tolerance, self._plan.media.first_picture):
                    if reader.stream.can_leave_out:
                        raise StartAgainError  # the frame to show may have been skipped
                    break  # neither the frame to show nor any before it can be decoded
                patience.shown(shown.time)
                if shown.source_time >= slice_.start:
                    own[shown.source_time] = shown.frame.is_corrupt
                yield shown
                on_time(shown.time)
                count += 1
        span = f"from {short_clock(slice_.start)} to {short_clock(slice_.end)}"
        name = self._plan.source.name
        if count < planned_count or (self._damaged_in(reader, slice_) and not own):
            what = "encrypted" if reader.stream.damage.is_encrypted else "damaged"
            raise SourceDamagedError(f"{name} is {what} {span}: no picture can be decoded")
        if own and sum(own.values()) >= _NOISE_SHARE * len(own):
            raise SourceDamagedError(
                f"{name} is damaged {span}: the decoder could only guess "
                f"{sum(own.values())} of the {len(own)} pictures"
            )

    def _damaged_in(self, reader: FrameReader[VideoFrame], slice_: Slice) -> int:
        return sum(slice_.start <= time < slice_.end for time in reader.stream.damage.times)

    def _check_server(self) -> None:
        """Raise the error of the video's server, if it has one: that may look like damage."""
        if not self._source.is_local and (error := server_error(self._source)):
            raise error from None

    def _record(
        self,
        slice_: Slice,
        output: PlannedOutput,
        artifacts: Sequence[Artifact],
        damaged_packets: int,
    ) -> SliceRecord:
        return SliceRecord(
            output=output.id,
            start=slice_.start,
            end=slice_.end,
            artifacts=tuple(artifacts),
            damaged_packets=damaged_packets,
        )
