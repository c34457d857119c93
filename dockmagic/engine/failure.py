"""How a run that did not end well is told: docker's exit codes in words."""

from __future__ import annotations

import signal

from dockmagic.errors import EXIT_NOT_EXECUTABLE, EXIT_NOT_FOUND, RunError
from dockmagic.sandbox.execution import Outcome
from dockmagic.sandbox.limit_words import OPTIONS, amount
from dockmagic.sandbox.spec import Limits


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
    if outcome.stopped in OPTIONS:
        words = f"{what} was ended by the {outcome.stopped} of {amount(outcome.stopped, limits)} (exit code {code})"
        return words, f"a higher limit: {OPTIONS[outcome.stopped]}"
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


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
