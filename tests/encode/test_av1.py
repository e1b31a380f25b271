"""AV1's encoder is kept from what it does to a process: real-time priority, and talk."""

import os
import subprocess
import sys

import pytest

_PROGRAM = """
import os
from pathlib import Path

import numpy as np
from scrubjay.encode.base import animation_encoder
from scrubjay.model import Animation

def rights():
    lines = Path("/proc/self/status").read_text().splitlines()
    return [line for line in lines if line.startswith("Cap")]

before = rights()
encoder = animation_encoder(Animation(format="avif"))
encoder.add(np.zeros((64, 64, 3), np.uint8), 0)
encoder.add(np.ones((64, 64, 3), np.uint8), 1)  # with it, the first is coded
threads = [int(each) for each in os.listdir("/proc/self/task")]
print({os.sched_getscheduler(each) for each in (0, *threads)} == {os.SCHED_OTHER}, len(threads) > 4)
encoder.finish(2)
print(rights() == before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")
def test_an_encoder_leaves_its_process_as_it_was() -> None:
    """SVT-AV1 takes real-time priority where root runs it, for all threads; here it cannot.

    It prints nothing either, and the process keeps its rights.
    """
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        check=True,
        capture_output=True,
        text=True,
        timeout=180,
        env={name: value for name, value in os.environ.items() if name != "SVT_LOG"},
    )
    assert done.stdout.split() == ["True", "True", "True"]
    assert not done.stderr
