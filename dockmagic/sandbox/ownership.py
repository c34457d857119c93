"""Owners of files in a container that has only one id: changes are recorded, since they cannot be made.

The container's second filter (``seccomp.ownership_program``) hands each call of the chown family to this supervisor, which does what chown
does except for the ids themselves: it checks permission against the recorded owner, lets overlayfs copy the file up and
clears set-user-ID bits by a real change to the one id, and writes the new owner down.

Where an owner is written:

- a regular file or a directory: in its xattr ``user.dockmagic.owner`` = ``b"uid:gid"``. It moves with renames and hard links, and
  overlayfs copies it up. Files without it have the default owner.
- a symlink, a FIFO, a socket (they cannot have such an xattr), or anything on a file system without user xattrs: in a side
  table from the inode number *in the upper directory* to the owner, ``{"1234": [uid, gid]}``; JSON as it is. ``seal`` looks up
  ``str(lstat(entry).st_ino)`` for every entry of the upper, and what stands there is true before the xattr is. Inode numbers are
  kept by renames. An inode in the table (unless it has the default owner) stays open while the supervisor lives, up to half of the
  descriptors that it may have, so that its number is not given to another file; a removed one leaves the table.

Limits. ``stat`` inside still shows the one id. Only ids below 65,536 exist, as in a container that has a range; others are
EINVAL. A file that is neither on the container's root mount nor in a named volume (a directory of the host, /dev, /proc) is not recorded:
it can keep or get the one id, all else is EINVAL, as from the kernel. In a named volume a link's owner is not recorded. Search permission of directories is not checked again. The table that an earlier
process left is taken over by number alone. Code in the container can write the xattr itself, also as a user
without privileges: it thereby tells lies about its own layer only, but readers must treat the value as hostile (``parse_owner``).

The supervisor runs outside of the container's pid namespace, as root of the outer user namespace, with its own /proc.
Standard library only, and no ``typing``: it starts with the container.
"""

from __future__ import annotations

import os
import resource
import select
import stat
from errno import EACCES, EBADF, EINVAL, ENOENT, ENOTSUP, EPERM, ESRCH, ESTALE

from dockmagic.sandbox import syscall_table
from dockmagic.sandbox.caller import Caller, mount_id, walk
from dockmagic.syscalls import notify

OWNER_XATTR = "user.dockmagic.owner"
IDS = 65536

_UNCHANGED = 0xFFFFFFFF
_AT_FDCWD = 0xFFFFFF9C
_AT_SYMLINK_NOFOLLOW = 0x100
_AT_EMPTY_PATH = 0x1000
_MAX_OWNER_LENGTH = 21
_RACES = 3


class Request:
    """A call of the chown family, whichever it was.

    Attributes:
        descriptor: ``dirfd``, or the descriptor itself when ``address`` is None; None for the working directory.
        address: of the path in the caller's memory.
        empty: an empty path means the descriptor.
    """

    __slots__ = ("address", "descriptor", "empty", "follow", "gid", "uid")

    def __init__(self, descriptor: int | None, address: int | None, ids: tuple[int, int], flags: int) -> None:
        if flags & ~(_AT_SYMLINK_NOFOLLOW | _AT_EMPTY_PATH):
            raise OSError(EINVAL, os.strerror(EINVAL))
        self.descriptor = descriptor
        self.address = address
        self.uid, self.gid = (i & 0xFFFFFFFF for i in ids)
        self.follow = not flags & _AT_SYMLINK_NOFOLLOW
        self.empty = bool(flags & _AT_EMPTY_PATH)


def decode(name: str, arguments: tuple[int, ...]) -> Request:
    """Arguments as the kernel reads them: chown(2).

    Raises:
        OSError: EINVAL for an unknown flag.
    """
    a = arguments
    if name == "fchown":
        return Request(a[0] & 0xFFFFFFFF, None, (a[1], a[2]), _AT_EMPTY_PATH)
    if name == "fchownat":
        directory = a[0] & 0xFFFFFFFF
        return Request(None if directory == _AT_FDCWD else directory, a[1], (a[2], a[3]), a[4] & 0xFFFFFFFF)
    return Request(None, a[0], (a[1], a[2]), _AT_SYMLINK_NOFOLLOW if name == "lchown" else 0)


def parse_owner(value: bytes) -> tuple[int, int] | None:
    """``b"uid:gid"`` in plain decimal digits, both below 65,536; None for anything else."""
    uid, colon, gid = value.partition(b":")
    if not colon or len(value) > _MAX_OWNER_LENGTH or not (uid.isdigit() and gid.isdigit()):
        return None
    owner = int(uid), int(gid)
    return owner if max(owner) < IDS else None


class Supervisor:
    """Answers one container's changes of owners.

    Poll its descriptor with others and call :meth:`handle` when it is readable; it hangs up when no process of the container
    is left.
    """

    __slots__ = (
        "_default",
        "_listener",
        "_mount",
        "_names",
        "_pins",
        "_real",
        "_room",
        "_table",
        "_upper",
        "_volumes",
        "_xattrs",
    )

    def __init__(
        self,
        listener: int,
        *,
        machine: str,
        upper: int,
        default_owner: tuple[int, int],
        known: dict[str, list[int]] | None = None,
        volumes: list[int] | None = None,
    ) -> None:
        """Take a listener over.

        Args:
            listener: descriptor from seccomp(2) with SECCOMP_FILTER_FLAG_NEW_LISTENER, best with WAIT_KILLABLE_RECV too.
            machine: ``os.uname().machine``.
            upper: a descriptor of the container's upper directory, as the supervisor sees it.
            default_owner: the one id inside, that is ``(0, 0)`` or the user that the container runs as.
            known: the side table of an earlier process on this upper directory.
            volumes: ids of the mounts of directories of the store, whose owners are recorded too.
        """
        self._listener = listener
        self._volumes = frozenset(volumes or ())
        self._names = {number: name for name, number in syscall_table.numbers(machine).items() if "chown" in name}
        self._upper = upper
        self._default = default_owner
        self._table = {inode: (uid, gid) for inode, (uid, gid) in (known or {}).items()}
        self._pins: dict[str, int] = {}
        self._room = resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2
        self._mount: int | None = None
        self._real = os.geteuid(), os.getegid()
        self._xattrs = True
        notify.wake_synchronously(listener)

    def fileno(self) -> int:
        """The listener."""
        return self._listener

    def owners(self) -> dict[str, list[int]]:
        """The side table: inode number in the upper directory, as text, to ``[uid, gid]``."""
        gone = {inode for inode, pin in self._pins.items() if os.fstat(pin).st_nlink == 0}
        return {inode: list(owner) for inode, owner in self._table.items() if inode not in gone}

    def close(self) -> None:
        """Release the pinned inodes; the listener and the upper directory are the caller's."""
        while self._pins:
            os.close(self._pins.popitem()[1])

    def handle(self) -> None:
        """Answer one notification, with the errno of chown(2) where it fails; never raises for what the container does."""
        try:
            notification = notify.receive(self._listener)
        except (FileNotFoundError, InterruptedError):
            return
        errno = 0
        try:
            self._perform(notification)
        except OSError as error:
            errno = error.errno or EACCES
        except ValueError:  # a file of procfs was cut short: the caller is dying
            errno = ESRCH
        notify.answer(self._listener, notification, errno)

    def _perform(self, notification: notify.Notification) -> None:
        caller = Caller(notification.pid)
        request = decode(self._names[notification.number], notification.arguments)
        target = _open_target(caller, request)
        try:
            privileged = caller.may_chown()
            mount = mount_id(target)
            inside = mount == self._root_mount(caller)
            # All that was read through the pid above counts only if it was the caller's to the end.
            if not notify.is_valid(self._listener, notification):
                return
            if inside or mount in self._volumes:
                self._change(target, request, privileged=privileged, aside=inside)
            else:
                self._change_elsewhere(target, request)
        finally:
            os.close(target)

    def _root_mount(self, caller: Caller) -> int:
        """The container's root mount: above every chroot, where ``..`` leads no further up."""
        if self._mount is None:
            here = caller.open_root()
            try:
                while not os.path.sameopenfile(here, above := os.open("..", os.O_PATH | os.O_CLOEXEC, dir_fd=here)):
                    os.close(here)
                    here = above
                os.close(above)
                self._mount = mount_id(here)
            finally:
                os.close(here)
        return self._mount

    def _change(self, target: int, request: Request, *, privileged: bool, aside: bool) -> None:
        """Record a new owner of what an O_PATH descriptor is open on; without ``aside`` a link's is not recorded."""
        recorded = self._recorded(target)
        owner = (
            recorded[0] if request.uid == _UNCHANGED else request.uid,
            recorded[1] if request.gid == _UNCHANGED else request.gid,
        )
        if max(owner) >= IDS:
            raise OSError(EINVAL, os.strerror(EINVAL))
        if not privileged and not self._permitted(recorded, request):
            raise OSError(EPERM, os.strerror(EPERM))
        # The real call: refuses on a read-only mount, copies up, clears set-user-ID and capabilities, sets the ctime.
        os.chown(_itself(target), *self._real)
        if (request.uid, request.gid) != (_UNCHANGED, _UNCHANGED) and (aside or self._bears_xattr(target)):
            self._record(target, owner)

    def _change_elsewhere(self, target: int, request: Request) -> None:
        """What the kernel says on a mount where nothing is recorded: only the one id exists."""
        wanted = zip((request.uid, request.gid), self._default, self._real, strict=True)
        if any(new not in {_UNCHANGED, inside} for new, inside, _ in wanted):
            raise OSError(EINVAL, os.strerror(EINVAL))
        uid = -1 if request.uid == _UNCHANGED else self._real[0]
        gid = -1 if request.gid == _UNCHANGED else self._real[1]
        os.chown(_itself(target), uid, gid)

    def _permitted(self, recorded: tuple[int, int], request: Request) -> bool:
        """The rule for a caller without CAP_CHOWN: give nothing away; a group must be one's own."""
        owns = recorded[0] == self._default[0]
        keeps_user = request.uid == _UNCHANGED or (owns and request.uid == recorded[0])
        keeps_group = request.gid == _UNCHANGED or (owns and request.gid in {recorded[1], self._default[1]})
        return keeps_user and keeps_group

    def _recorded(self, target: int) -> tuple[int, int]:
        """The owner now."""
        if self._bears_xattr(target):
            try:
                return parse_owner(os.getxattr(_itself(target), OWNER_XATTR)) or self._default
            except OSError:
                return self._default
        found = self._open_in_upper(target) if self._table else None
        if found is None:
            return self._default
        try:
            return self._table.get(str(os.fstat(found).st_ino), self._default)
        finally:
            os.close(found)

    def _record(self, target: int, owner: tuple[int, int]) -> None:
        if self._bears_xattr(target):
            try:
                os.setxattr(_itself(target), OWNER_XATTR, b"%d:%d" % owner)
            except OSError as error:
                if error.errno != ENOTSUP:
                    raise
                self._xattrs = False
            else:
                return
        self._record_aside(target, owner)

    def _bears_xattr(self, target: int) -> bool:
        kind = os.fstat(target).st_mode
        return self._xattrs and (stat.S_ISREG(kind) or stat.S_ISDIR(kind))

    def _record_aside(self, target: int, owner: tuple[int, int]) -> None:
        """Into the side table; what has lost its last name needs no owner."""
        found = self._open_in_upper(target)
        if found is None:
            if os.fstat(target).st_nlink:
                raise OSError(ESTALE, os.strerror(ESTALE))
            return
        inode = str(os.fstat(found).st_ino)
        self._table[inode] = owner
        # A stale default owner harms nobody, so only others are worth a descriptor.
        if owner == self._default or inode in self._pins or len(self._pins) >= self._room:
            os.close(found)
        else:
            self._pins[inode] = found

    def _open_in_upper(self, target: int) -> int | None:
        """What an overlay descriptor is open on, in the upper directory: the same name with the same times; else None.

        The name may be moved between two looks, so a mismatch is tried again.
        """
        for _ in range(_RACES):
            seen = os.fstat(target)
            try:
                name = os.readlink(os.fsencode(_itself(target)))  # noqa: PTH115 - bytes, and no pathlib here
                found = walk(self._upper, self._upper, name, follow=False)
            except OSError:
                continue
            real = os.fstat(found)
            if (real.st_mode, real.st_size, real.st_ctime_ns) == (seen.st_mode, seen.st_size, seen.st_ctime_ns):
                return found
            os.close(found)
        return None


def supervise(
    listener: int,
    *,
    machine: str,
    upper: int,
    default_owner: tuple[int, int],
    known: dict[str, list[int]] | None = None,
) -> dict[str, list[int]]:
    """Answer until no process of the container is left; the arguments are the :class:`Supervisor`'s.

    Returns:
        The side table.
    """
    supervisor = Supervisor(listener, machine=machine, upper=upper, default_owner=default_owner, known=known)
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    try:
        while poll.poll()[0][1] & select.POLLIN:
            supervisor.handle()
        return supervisor.owners()
    finally:
        supervisor.close()


def _open_target(caller: Caller, request: Request) -> int:
    """An O_PATH descriptor of what is to change its owner."""
    if request.address is None:
        return caller.open_descriptor(_number(request), of_path=False)
    path = caller.read_string(request.address)
    if path:
        return caller.open_path(request.descriptor, path, follow=request.follow)
    if not request.empty:
        raise OSError(ENOENT, os.strerror(ENOENT))
    return caller.open_cwd() if request.descriptor is None else caller.open_descriptor(_number(request), of_path=True)


def _number(request: Request) -> int:
    if request.descriptor is None:
        raise OSError(EBADF, os.strerror(EBADF))
    return request.descriptor


def _itself(descriptor: int) -> str:
    """A path to what an O_PATH descriptor is open on, for calls that do not take such descriptors."""
    return f"/proc/self/fd/{descriptor}"
