"""The child starts fast, and nothing that it needs is imported when the image is already the root."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.users import REPOSITORY

SLOW = (
    "typing",
    "dataclasses",
    "pathlib",
    "argparse",
    "subprocess",
    "inspect",
    "asyncio",
    "dockmagic.errors",
    "dockmagic.layers",
)


@pytest.mark.parametrize("module", ["init", "server", "joiner"])
def test_the_launchers_processes_import_nothing_slow(module):
    script = f"import sys; sys.path.append({str(REPOSITORY)!r}); import dockmagic.sandbox.{module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True)

    assert set(SLOW) & set(done.stdout.split()) == set()
