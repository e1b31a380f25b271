"""The floor: what decoding alone costs, on one thread, with PyAV, painting nothing.

Prints a JSON object: the CPU and wall seconds of the decoding (starting Python and importing
libraries left out), and how many frames it took.

    python bench/floor.py CLIP PLAN.json           # our frame reader, the plan's instants
    python bench/floor.py CLIP PLAN.json --full    # every frame
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic, process_time

import av

from scrubjay.media.decoders import VideoDecoder
from scrubjay.model import Plan, decode
from scrubjay.places.place import Place
from scrubjay.planning import spacing_of, targets_from
from scrubjay.slices.reading import open_frames


def needed(video: str, plan: Plan) -> dict[str, int]:
    """Decode what the plan's instants need, as a worker does that makes all slices in a row."""
    media, pictures = plan.media, 0
    reading = open_frames(
        media,
        Place.of(video),
        VideoDecoder,
        tolerance=plan.recipe.tolerance,
        is_sparse=spacing_of(plan.recipe) >= 1,
    )
    with reading as reader:
        reader.start(targets_from(plan, 0))
        for slice_ in plan.slices:
            wanted = {
                time
                for animation in plan.recipe.animations
                for time in animation.instants(slice_.span)
            }
            shown = reader.until(slice_.end)
            pictures += len({each.source_time for each in shown if each.time in wanted})
        counts = reader.stream.counts
    return {"decoded": counts.decoded, "animation_pictures": pictures}


def every_frame(video: str, _: Plan) -> dict[str, int]:
    """Decode every frame of the video."""
    with av.open(video) as container:
        stream = container.streams.video[0]
        stream.thread_count = 1
        return {"decoded": sum(1 for _ in container.decode(stream))}


def main(video: str, plan_path: str, *flags: str) -> None:
    """Decode, and print what it took."""
    plan = decode(Path(plan_path).read_bytes(), Plan)
    work: Callable[[str, Plan], dict[str, int]] = every_frame if "--full" in flags else needed
    began, cpu = monotonic(), process_time()
    counts = work(video, plan)
    spent = {"cpu": process_time() - cpu, "wall": monotonic() - began}
    print(json.dumps(spent | counts))


if __name__ == "__main__":
    main(*sys.argv[1:])
