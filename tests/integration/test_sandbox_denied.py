"""Hosts that deny a wall: nothing runs, and the error says what is missing."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.integration import denied_host
from tests.users import PATIENCE, REPOSITORY

SCRIPT = """
import json, sys
from pathlib import Path
from dockmagic.errors import IsolationError
from dockmagic.sandbox.runtime import open_runtime
try:
    runtime = open_runtime(Path(sys.argv[1]) / "roots")
except IsolationError as error:
    print(json.dumps({"operation": error.operation, "errno": error.errno, "text": str(error), "hint": error.hint}))
else:
    print(json.dumps({"tier": runtime.isolation.tier, "notes": runtime.isolation.notes}))
    runtime.close()
"""


def opened(tmp_path, *denied):
    done = subprocess.run(
        denied_host.command(denied, [sys.executable, "-c", SCRIPT, str(tmp_path)]),
        cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("denied", "errno", "operations"),
    [
        ("user-namespaces", 1, {"user namespace"}),
        ("mounts", 13, {"mount propagation", "scratch tmpfs"}),
        ("new-mount-calls", 38, {"scratch tmpfs"}),
        ("pivot-root", 1, {"pivot_root"}),
        ("seccomp", 22, {"filter of system calls"}),
        ("capset=EPERM", 1, {"capabilities"}),
        ("mount_setattr=EPERM", 1, {"devices in /dev"}),
    ],
)
def test_a_missing_wall_is_an_error_that_names_it(tmp_path, denied, errno, operations):
    found = opened(tmp_path, denied)

    assert found.get("operation") in operations, found
    assert found["errno"] == errno
    assert "cannot be built" in found["text"]
    assert found["hint"]


def test_nothing_is_denied_on_this_host(tmp_path):
    """The negative control."""
    assert opened(tmp_path)["tier"] in {"T0", "T1"}
