"""``--init``: a first process that starts the program, passes signals on, and waits for whatever is left to it.

It is this program itself, forked and confined like the container's program, with no descriptor, an empty command line, and closed to every look
from inside (not dumpable, so its memory, files and links in /proc belong to the machine's root).

Standard library only, and no ``typing``.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress

from dockmagic.sandbox.confine import keep_only
from dockmagic.syscalls import privileges

_OWN = {signal.SIGCHLD, signal.SIGINT, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}


def supervise(become: Callable[[], int]) -> int:
    """Start the program in a child and stay until it has ended; its exit code, 128 and the signal for one that was killed.

    Args:
        become: executes the program; returns an exit code when it cannot.
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())  # none gets lost until we can pass it on
    readiness, ours = os.pipe()
    child = os.fork()
    if child == 0:
        privileges.set_parent_death_signal(signal.SIGKILL)
        _await_end(readiness, ours)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os._exit(become())
    null = os.open("/dev/null", os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)
    privileges.hide_command_line("init")
    _pass_on(child)
    keep_only([])  # the program begins: whoever hears of it finds a first process that is closed and has its handlers
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    while True:
        pid, state = os.waitpid(-1, 0)
        if pid == child:
            code = os.waitstatus_to_exitcode(state)
            return code if code >= 0 else 128 - code


def _await_end(read: int, write: int) -> None:
    """Until nobody but us holds the pipe's other end."""
    os.close(write)
    os.read(read, 1)
    os.close(read)


def _pass_on(child: int) -> None:
    """Every signal that may be caught goes to the child; an interrupt reaches it without us."""

    def forward(number: int, _frame: object) -> None:
        if number not in _OWN:
            with suppress(ProcessLookupError):
                os.kill(child, number)  # our child, which nobody has waited for yet

    for number in range(1, signal.NSIG):
        with suppress(OSError, ValueError):
            if number != signal.SIGCHLD:
                signal.signal(number, forward)
