"""Measure Scrubjay against its rivals, side by side: the whole job on the same files.

.venv/bin/python bench/run.py            # everything, and docs/benchmarks.md anew: 25 minutes
.venv/bin/python bench/run.py --full     # the recipe classic on a 3-hour film as well: 8 more
.venv/bin/python bench/run.py --quick    # one round of the short clips, into .bench/
.venv/bin/python bench/run.py --only av1 --only "scrubjay" --only "ffmpeg, two runs a slice"
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from bench.session import main

    sys.exit(main())
