"""A real shell with a recording engine in place of the real one."""

from __future__ import annotations

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from dockmagic.magics.container_magics import ContainerMagics
from tests.unit.magics.recording import RecordingEngine


@pytest.fixture
def engine(monkeypatch):
    recording = RecordingEngine()
    monkeypatch.setattr(ContainerMagics, "engine", recording)
    return recording


@pytest.fixture
def shell(tmp_path, engine):
    config = Config()
    config.HistoryManager.enabled = False
    made = InteractiveShell(ipython_dir=str(tmp_path / "ipython"), config=config)
    made.display_pub = CapturingDisplayPublisher()
    made.run_line_magic("load_ext", "dockmagic")
    yield made
    made.run_line_magic("unload_ext", "dockmagic")


@pytest.fixture
def execute(shell):
    """Runs a cell; returns what it raised, or None."""

    def execute(cell):
        return shell.run_cell(cell).error_in_exec

    return execute


@pytest.fixture
def records(shell):
    """The display_data of the shell so far."""
    return shell.display_pub.outputs
