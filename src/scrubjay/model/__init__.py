"""The frozen values that pass between rooms.

`SourceRef -> MediaInfo -> Plan -> slice -> pictures -> artifacts -> SliceRecord -> Manifest`.

All are JSON-able by `encode` and `decode`. Inside (plans, records, messages) a time is an exact
fraction of seconds, written as text ("7/3"); in the `Manifest`, which players read, it is a number.
"""

from scrubjay.coding import decode, decode_as, decoder, encode, encode_pretty, exact, parse_json
from scrubjay.model.manifest import (
    AnimationEntry,
    ClipEntry,
    FrameEntry,
    Gap,
    Manifest,
    ManifestMedia,
    SheetEntry,
    SliceEntry,
    TrackClock,
    WholeEntry,
)
from scrubjay.model.media import Crop, MediaInfo, SourceRef, Stereo
from scrubjay.model.plan import Captions, Layout, OutputId, Plan, PlannedOutput, Reading, Slice
from scrubjay.model.presets import PRESETS
from scrubjay.model.recipe import (
    KINDS,
    Animation,
    Kind,
    Output,
    OutputName,
    Recipe,
    Sheet,
    Still,
)
from scrubjay.model.records import Artifact, SliceRecord
from scrubjay.model.usage import SliceUsage, Usage, Used
from scrubjay.model.values import MOST_PX, WEB_ADDRESS, Size, in_words

__all__ = [
    "KINDS",
    "MOST_PX",
    "PRESETS",
    "WEB_ADDRESS",
    "Animation",
    "AnimationEntry",
    "Artifact",
    "Captions",
    "ClipEntry",
    "Crop",
    "FrameEntry",
    "Gap",
    "Kind",
    "Layout",
    "Manifest",
    "ManifestMedia",
    "MediaInfo",
    "Output",
    "OutputId",
    "OutputName",
    "Plan",
    "PlannedOutput",
    "Reading",
    "Recipe",
    "Sheet",
    "SheetEntry",
    "Size",
    "Slice",
    "SliceEntry",
    "SliceRecord",
    "SliceUsage",
    "SourceRef",
    "Stereo",
    "Still",
    "TrackClock",
    "Usage",
    "Used",
    "WholeEntry",
    "decode",
    "decode_as",
    "decoder",
    "encode",
    "encode_pretty",
    "exact",
    "in_words",
    "parse_json",
]
