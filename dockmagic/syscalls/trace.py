"""ptrace(2), as far as trying whether it is allowed."""

from __future__ import annotations

import ctypes

from dockmagic.syscalls.call import failure

_LIBC = ctypes.CDLL(None, use_errno=True)
_TRACEME = 0


def let_parent_trace() -> None:
    """Become traceable by the parent: PTRACE_TRACEME.

    Raises:
        OSError: tracing is refused.
    """
    if _LIBC.ptrace(ctypes.c_long(_TRACEME), ctypes.c_long(0), None, None) < 0:
        raise failure("ptrace", ctypes.get_errno())
