"""What the launch server's processes tell, as errors again."""

from __future__ import annotations

import errno
from typing import Any, NoReturn

from dockmagic import errors
from dockmagic.errors import DockmagicError, IsolationError, UsageError

_HINTS = {
    "user namespace": "allow unprivileged user namespaces for this user, or run where they are allowed",
    "ids of the user namespace": "allow unprivileged user namespaces for this user, or run where they are allowed",
    "mount propagation": "allow mounts inside user namespaces (a seccomp or AppArmor profile denies them here)",
    "scratch tmpfs": "allow mounts inside user namespaces (a seccomp or AppArmor profile denies them here)",
    "filter of system calls": "use a kernel with seccomp filters",
}
_OTHERS = "; --network none and --network host need no such thing"
# Operations of a private network alone.
_NETWORK = {
    "open(/dev/net/tun)": f"ask for read and write permission on /dev/net/tun{_OTHERS}",
    "/dev/net/tun": f"ask for the device /dev/net/tun{_OTHERS}",
    "pasta": f"a default route of IPv4, or the package slirp4netns, which needs none{_OTHERS}",
    "slirp4netns": f"%container doctor tries it alone{_OTHERS}",
    "private network": f"%container doctor tries it alone{_OTHERS}",
    "network of the other container": "share that of a container of this notebook: writable layers are in memory here",
}
_DENIED = {errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EOPNOTSUPP}
_ASK = "%container doctor says what this host refuses, and what to ask for"


def raise_told(message: dict[str, Any]) -> NoReturn:
    """Raise what a ``wall`` or ``refused`` message stands for.

    Raises:
        IsolationError: a wall could not be built.
        UsageError: the request cannot be met.
    """
    if "refused" in message:
        raise UsageError(message["refused"])
    operation, number, reason, path = message["wall"]
    raise wall(operation, number, reason, path)


def wall(operation: str, number: int, reason: str, path: str = "") -> IsolationError:
    """The error of an operation that could not be done."""
    last = reason.strip().splitlines()[-1] if reason.strip() else "no reason given"
    if operation in _NETWORK:
        what, hint = "the network of the container cannot be made", _NETWORK[operation]
    else:
        what, hint = "a wall of the container cannot be built", _HINTS.get(operation, _ASK if number in _DENIED else "")
    return IsolationError(
        f"{what}: {operation}: {last}",
        operation=operation,
        errno=number,
        hint=hint,
        detail="\n".join(part for part in (reason if reason.strip() != last else "", path) if part),
    )


def raise_failure(answer: dict[str, Any], what: str) -> NoReturn:
    """Raise the error that another process told of (``sandbox.fault``), of its own type.

    Args:
        answer: what it told.
        what: had failed there: ``'the job "seal"'``.

    Raises:
        DockmagicError: of the type that was raised there, or a plain one with the traceback as detail.
        OSError: with errno and filename.
    """
    if "oserror" in answer:
        number, reason, name = answer["oserror"]
        raise OSError(number, reason) if name is None else OSError(number, reason, name)
    kind = getattr(errors, answer.get("error", ""), None)
    if isinstance(kind, type) and issubclass(kind, DockmagicError):
        error = kind.__new__(kind)
        Exception.__init__(error, answer["attributes"].get("message", ""))
        vars(error).update(answer["attributes"])
        raise error
    if "wall" in answer or "refused" in answer:
        raise_told(answer)
    raise DockmagicError(f"{what} failed", detail=answer.get("crash", ""))
