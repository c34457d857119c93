"""The last steps of a container's process: who it is, what it may do, what it inherits, and its program.

Order matters. Ids change while capabilities allow it; the filter comes last, so that it need not allow what the steps before
it do; from the change of ids to the execve nobody may look into the process (it still has the launcher's memory).

Standard library only, and no ``typing``.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from errno import EACCES, EDQUOT, ELOOP, ENOENT, ENOSYS, ENOTDIR, EPERM

from dockmagic.sandbox import wire
from dockmagic.sandbox.accounts import Account, Refused
from dockmagic.sandbox.ops import Wall
from dockmagic.sandbox.places import make_place
from dockmagic.syscalls import files, namespaces, privileges

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NOT_EXECUTABLE, NOT_FOUND = 126, 127

# The container goes first when memory runs out, not the notebook.
_OOM_SCORE = 700
_STATUS = 3
_ANYWHERE = files.RESOLVE_IN_ROOT | files.RESOLVE_NO_MAGICLINKS


class Profile:
    """What a container's processes may do.

    Attributes:
        capabilities: the bounding set as bits.
        filters: the program of system calls.
        ownership: the second program, of a container with one id; else b"".
        single: the user namespace has one id.
        no_new_privileges: set-user-ID programs give nothing.
        extra: one more program of system calls, b"" for none.
    """

    __slots__ = ("capabilities", "extra", "filters", "no_new_privileges", "ownership", "single")

    def __init__(
        self,
        capabilities: int,
        filters: bytes,
        ownership: bytes,
        *,
        single: bool,
        no_new_privileges: bool = True,
        extra: bytes = b"",
    ) -> None:
        self.no_new_privileges = no_new_privileges
        self.extra = extra
        self.capabilities = capabilities
        self.filters = filters
        self.ownership = ownership
        self.single = single


def attempt(operation: str, function: Callable[..., object], *arguments: object) -> None:
    """Call; an OSError becomes a Wall of this operation.

    Raises:
        Wall: it failed.
    """
    try:
        function(*arguments)
    except OSError as error:
        raise Wall(operation, error) from error


def leave_session() -> None:
    """No terminal, no keyring, no disposition and no mask of signals of the caller's."""
    os.setsid()
    try:
        privileges.join_new_session_keyring()
    except OSError as error:
        # The filter refuses every call on keys, so the caller's keyring stays out of reach where this is denied.
        if error.errno not in {ENOSYS, EPERM, EACCES, EDQUOT}:
            raise
    for number in range(1, signal.NSIG):
        try:
            signal.signal(number, signal.SIG_DFL)
        except (OSError, ValueError):
            continue
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.umask(0o022)


def be_first_victim() -> None:
    """Raise the score of the process for the kernel's search for memory."""
    try:
        with open("/proc/self/oom_score_adj", "r+b", buffering=0) as score:  # noqa: PTH123 - no pathlib here
            if int(score.read()) < _OOM_SCORE:
                score.write(str(_OOM_SCORE).encode())
    except OSError:
        return


def enter_directory(path: str) -> None:
    """Make it the working directory; missing parts are made, as docker does.

    Raises:
        Refused: it leads out of the root or is no directory.
    """
    root = os.open("/", os.O_PATH | os.O_DIRECTORY)
    relative = path.strip("/")
    try:
        os.fchdir(make_place(root, relative, directory=True, resolve=_ANYWHERE) if relative else root)
    except OSError as error:
        raise Refused(f'the working directory "{path}" is not a directory that can be entered') from error
    if not os.getcwd().startswith("/"):  # noqa: PTH109 - no pathlib here
        raise Refused(f'the working directory "{path}" is outside of the container')


def confine(account: Account, profile: Profile, status: socket.socket, proc: int) -> None:
    """Take everything away that the program must not have.

    Args:
        account: who it is to be.
        profile: what it may do.
        status: to the monitor.
        proc: descriptor of a /proc that can be written; the container's own may not.

    Raises:
        Wall: a step failed.
    """
    if profile.no_new_privileges:
        attempt("no_new_privs", privileges.set_no_new_privileges)
    if profile.single and account.uid != os.getuid():
        attempt("user namespace of the user", _become_only_id, account, proc)
    if not profile.no_new_privileges:
        _load_filters(profile, status)  # while there are the rights that it takes then; they allow what follows
    attempt("dumpable off", privileges.set_dumpable, 0)
    attempt("bounding set", privileges.limit_bounding_set, profile.capabilities)
    if not profile.single:
        attempt("groups", os.setgroups, account.groups)
    attempt("gid", os.setresgid, account.gid, account.gid, account.gid)
    attempt("uid", os.setresuid, account.uid, account.uid, account.uid)
    attempt(
        "dumpable off", privileges.set_dumpable, 0
    )  # a change of ids sets it to what the host's administrator likes
    attempt("capabilities", privileges.set_capabilities, 0 if account.uid else profile.capabilities)
    attempt("parent death signal", privileges.set_parent_death_signal, signal.SIGKILL)
    if profile.no_new_privileges:
        _load_filters(profile, status)


def _load_filters(profile: Profile, status: socket.socket) -> None:
    if profile.ownership:
        attempt("filter of owners", _listen, profile.ownership, status)
    attempt("filter of system calls", privileges.load_filter, profile.filters)
    if profile.extra:
        attempt("filter of the seccomp profile", privileges.load_filter, profile.extra)


def _become_only_id(account: Account, proc: int) -> None:
    """As root of a namespace with one id: a namespace below it that calls this id as the image calls its user."""
    namespaces.unshare(namespaces.NEWUSER)
    for name, number in (("uid_map", account.uid), ("gid_map", account.gid)):
        mapping = os.open(f"self/{name}", os.O_WRONLY, dir_fd=proc)
        os.write(mapping, b"%d 0 1" % number)
        os.close(mapping)


def _listen(program: bytes, status: socket.socket) -> None:
    listener = privileges.load_filter(program, privileges.FILTER_NEW_LISTENER | privileges.FILTER_WAIT_KILLABLE)
    wire.send(status, {"listener": True}, [listener])
    os.close(listener)


def keep_only(descriptors: list[int]) -> None:
    """Close everything from 3 on but these."""
    first = 3
    for descriptor in sorted({d for d in descriptors if d >= first}):
        if descriptor > first:
            files.close_range(first, descriptor - 1)
        first = descriptor + 1
    files.close_range(first)


def execute(argv: list[str], env: dict[str, str], status: socket.socket) -> int:
    """Become the program. Returns only when that fails: with docker's exit code, after ``status`` was told."""
    os.dup2(status.fileno(), _STATUS, inheritable=False)
    if status.fileno() != _STATUS:
        status.detach()
        status = socket.socket(fileno=_STATUS)
    keep_only([_STATUS])
    errno = ENOENT
    for path in _candidates(argv[0], env.get("PATH", DEFAULT_PATH)):
        try:
            os.execve(path, argv, env)  # noqa: S606 - no shell: that is the point
        except OSError as error:
            if error.errno in {ENOENT, ENOTDIR} and errno != ENOENT:
                continue
            errno = error.errno or EACCES
            if errno not in {ENOENT, ENOTDIR, EACCES}:
                break
        except ValueError:  # a NUL in a word
            errno = ELOOP
            break
    code = NOT_FOUND if errno in {ENOENT, ENOTDIR} else NOT_EXECUTABLE
    wire.send(status, {"not_started": code, "errno": errno})
    return code


def _candidates(program: str, path: str) -> list[str]:
    if "/" in program:
        return [program]
    # An empty part of PATH means the working directory to a shell; an image could plant a program there.
    return [f"{part}/{program}" for part in path.split(":") if part] if program else []
