"""Eight processes build, pull, run, save and prune in one store at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CROWD = Path(__file__).resolve().parents[2] / "benchmarks" / "crowd.py"


@pytest.mark.slow
def test_a_crowd_in_one_store_meets_no_error_and_leaves_it_whole(tmp_path):
    done = subprocess.run(
        [sys.executable, CROWD, "15", "8"], capture_output=True, text=True, timeout=280, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    first, *verbs, last = done.stdout.splitlines()
    assert first.endswith("0 errors")
    assert {"build", "pull", "prune"} <= {line.split()[1] for line in verbs}
    assert last.startswith("fsck: the store is whole")
