"""Signals by their names."""

from __future__ import annotations

import signal

from dockmagic.errors import UsageError


def number(text: str) -> int:
    """A signal's number: ``TERM``, ``SIGTERM`` or ``15``.

    Raises:
        UsageError: there is none.
    """
    try:
        if text.isascii() and text.isdigit():
            return signal.Signals(int(text)).value
        return signal.Signals[f"SIG{text.upper().removeprefix('SIG')}"].value
    except (KeyError, ValueError):
        raise UsageError(f"there is no signal {text}", hint="e.g. TERM, INT, HUP or KILL") from None
