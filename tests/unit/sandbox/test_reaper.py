from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from dockmagic.sandbox import identity, reaper


def seen_by_the_program() -> int:
    """What the first process is when the program begins: 1 without a handler, 2 with descriptors of ours, 0 as it should be."""
    first = os.getppid()
    if not identity.catches(first, signal.SIGINT) or not identity.catches(first, signal.SIGTERM):
        return 1
    links = {str(descriptor.readlink()) for descriptor in Path(f"/proc/{first}/fd").iterdir()}
    return 0 if links == {"/dev/null"} else 2


def test_the_first_process_has_its_handlers_before_the_program_begins():
    # An interrupt right after the program's first word met a first process without a handler, and so killed it.
    done = subprocess.run(
        [sys.executable, "-c", "from tests.unit.sandbox import test_reaper; test_reaper.main()"], check=False
    )
    assert done.returncode == 0


def test_the_code_of_a_killed_program_is_that_of_a_shell():
    call = "import os; from dockmagic.sandbox import reaper; os._exit(reaper.supervise(lambda: os.kill(os.getpid(), 9) or 0))"
    assert subprocess.run([sys.executable, "-c", call], check=False).returncode == 137


def main() -> None:
    hide = reaper.privileges.hide_command_line
    reaper.privileges.hide_command_line = lambda name: (time.sleep(0.3), hide(name))  # as on a busy machine
    os._exit(reaper.supervise(seen_by_the_program))
