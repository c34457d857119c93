"""How a run that did not end well is told: docker's exit codes in words."""

from __future__ import annotations

import signal

from dockmagic.errors import EXIT_NOT_EXECUTABLE, EXIT_NOT_FOUND, RunError
from dockmagic.sandbox.execution import Outcome
from dockmagic.sandbox.spec import Limits

# What ended it: which limit that is, and its option.
_LIMITS = {
    "memory limit": ("memory", "--memory"),
    "pids limit": ("pids", "--pids-limit"),
    "disk limit": ("disk", "--disk"),
}


def failure(
    outcome: Outcome, *, argv: tuple[str, ...], script: bool, timeout: float | None, limits: Limits
) -> RunError | None:
    """The error of a process that did not end well, in fixed text; None for exit code 0."""
    code = outcome.exit_code
    if code == 0 and not outcome.stopped:
        return None
    message, hint = _words(outcome, argv=argv, script=script, timeout=timeout, limits=limits)
    tail = outcome.capture.text("stderr").splitlines()[-10:]
    return RunError(
        message,
        returncode=code,
        stdout=outcome.capture.text("stdout"),
        stderr=outcome.capture.text("stderr"),
        cmd=argv,
        hint=hint,
        detail="\n".join(tail),
    )


def _words(
    outcome: Outcome, *, argv: tuple[str, ...], script: bool, timeout: float | None, limits: Limits
) -> tuple[str, str]:
    what = "the script" if script else "the command"
    code = outcome.exit_code
    if outcome.stopped == "timeout":
        return f"{what} timed out after {timeout:g} s (exit code {code})", "a longer time: --timeout"
    if outcome.stopped in _LIMITS:
        name, option = _LIMITS[outcome.stopped]
        amount = getattr(limits, name)
        words = f"{amount} processes" if name == "pids" else _binary(amount)
        return f"{what} was ended by the {outcome.stopped} of {words} (exit code {code})", f"a higher limit: {option}"
    if outcome.stopped == "interrupted":
        return f"{what} was interrupted (exit code {code})", ""
    if outcome.ending.not_started and code == EXIT_NOT_FOUND:
        return (
            f'"{argv[0]}" is not in the image (exit code {code})',
            "name another interpreter or command, or install it",
        )
    if outcome.ending.not_started and code == EXIT_NOT_EXECUTABLE:
        return (
            f'"{argv[0]}" cannot be executed (exit code {code})',
            "is it a program of this machine's kind, with mode +x?",
        )
    if outcome.ending.signalled:
        return f"{what} was ended by {_signal(outcome.ending.signalled)} (exit code {code})", ""
    return f"{what} failed with exit code {code}", ""


def _binary(count: int) -> str:
    """As an option takes it: ``256m``."""
    for power, unit in ((30, "g"), (20, "m"), (10, "k")):
        if count and count % (1 << power) == 0:
            return f"{count >> power}{unit}"
    return f"{count} bytes"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
