"""The base image that tests with a real package manager share."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCES = [Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list")]


@pytest.fixture(scope="session")
def minbase(tmp_path_factory):
    """The tar of a Debian minbase of this machine's release, from this machine's own package sources."""
    if shutil.which("mmdebstrap") is None:
        pytest.skip("mmdebstrap is not installed")
    if os.geteuid() != 0:
        pytest.skip("only root makes a Debian with device nodes and owners")
    sources = next((path for path in SOURCES if path.exists()), None)
    if sources is None:
        pytest.skip("this machine has no Debian package sources")
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    target = tmp_path_factory.mktemp("debian") / "minbase.tar"
    command = ["mmdebstrap", "--variant=minbase", "--quiet", release["VERSION_CODENAME"], str(target), str(sources)]
    subprocess.run(command, check=True, timeout=600)
    target.parent.chmod(0o755)
    target.parent.parent.chmod(0o711)
    return target
