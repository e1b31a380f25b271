"""What the other tests rely on in their own set-up."""

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="policies are POSIX")
def test_an_encoder_takes_no_real_time_priority(tmp_path: Path) -> None:
    """SVT-AV1 leaves this process, and what it starts, an ordinary one, also when root runs it."""
    with av.open(str(tmp_path / "clip.mkv"), "w") as container:
        options = {"preset": "12", "svtav1-params": "lp=1"}
        stream = container.add_stream("libsvtav1", rate=Fraction(24), options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        grey = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        container.mux(stream.encode(grey))
        container.mux(stream.encode(None))
    ask = [sys.executable, "-c", "import os; print(os.sched_getscheduler(0))"]
    child = subprocess.run(ask, check=True, capture_output=True, text=True, timeout=180)
    assert os.sched_getscheduler(0) == int(child.stdout) == os.SCHED_OTHER
