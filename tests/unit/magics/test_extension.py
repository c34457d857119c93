from __future__ import annotations

import subprocess
import sys

LATE = (
    "dockmagic.builder",
    "dockmagic.dockerfile",
    "dockmagic.engine",
    "dockmagic.magics.grammar",
    "dockmagic.magics.verbs",
    "dockmagic.record",
    "dockmagic.results",
    "dockmagic.sandbox",
    "dockmagic.store",
    "ipywidgets",
    "sqlite3",
    "ctypes",
)


def test_loading_the_extension_loads_nothing_that_only_a_run_needs(tmp_path):
    # IPython's own history needs sqlite3, so it is off.
    code = f"""
import sys
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
config = Config()
config.HistoryManager.enabled = False
shell = InteractiveShell(ipython_dir={str(tmp_path)!r}, config=config)
before = set(sys.modules)
shell.run_line_magic("load_ext", "dockmagic")
print(*sorted(set(sys.modules) - before))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "dockmagic.magics.container_magics" in loaded
    assert [name for name in loaded if name.startswith(LATE)] == []
