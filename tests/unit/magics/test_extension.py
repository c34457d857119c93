from __future__ import annotations

import itertools
import subprocess
import sys

from dockmagic.magics import extension, questions

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


def interrupted_at(call):
    """A profiler that interrupts at a call of a function of dockmagic's, counted from 1."""
    seen = itertools.count(1)

    def profile(frame, event, _):
        if event == "call" and frame.f_globals.get("__name__", "").startswith("dockmagic.") and next(seen) == call:
            sys.setprofile(None)
            raise KeyboardInterrupt

    return profile


def standing(shell):
    """What of the extension stands in a shell."""
    return (
        "container" in shell.magics_manager.magics["line"],
        "container" in shell.magics_manager.magics["cell"],
        "ContainerMagics" in shell.magics_manager.registry,
        sum(type(each).__name__ == "ContainerMagics" for each in shell.configurables),
        questions.asked in shell.input_transformers_cleanup,
        len(shell.Completer.custom_matchers),
        len(shell.events.callbacks["pre_run_cell"]),
        len(shell.events.callbacks["post_run_cell"]),
        ("dockmagic.results", "Run") in shell.display_formatter.mimebundle_formatter.deferred_printers,
    )


def test_an_interrupt_while_it_loads_leaves_nothing_and_it_can_be_loaded_again(shell):
    whole = standing(shell)
    extension.unload(shell)
    nothing = standing(shell)
    for call in itertools.count(1):
        sys.setprofile(interrupted_at(call))
        try:
            extension.load(shell)
            break
        except KeyboardInterrupt:
            assert standing(shell) == nothing, call
        finally:
            sys.setprofile(None)
        extension.load(shell)
        assert standing(shell) == whole, call
        extension.unload(shell)
        assert standing(shell) == nothing, call
    assert call > 10
    assert standing(shell) == whole
