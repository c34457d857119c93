"""Files are written aside, made durable, and then renamed to where they are looked for; see rename(2), fsync(2).

Names aside begin with the token of the process that writes them, so that what a killed process left is known as such,
without a lock that could go stale.
"""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from dockmagic.store import holder
from dockmagic.store.faults import told
from dockmagic.store.holder import Holder

_CHUNK = 1 << 20


def new_name() -> str:
    """A name for something temporary of this process."""
    return f"{holder.of(os.getpid()).token()}-{secrets.token_hex(8)}"


def is_abandoned(path: Path, *, now: float, grace: float = 86_400.0) -> bool:
    """Whether nobody works on the temporary ``path`` any more.

    Args:
        path: an entry of a temporary directory.
        now: seconds since 1970.
        grace: seconds after which an entry counts as abandoned whose maker cannot be seen from here.
    """
    maker = Holder.parse(path.name)
    lives = maker.lives() if maker is not None else None
    if lives is not None:
        return not lives
    try:
        return now - path.lstat().st_mtime > grace
    except FileNotFoundError:
        return False


class Aside:
    """A new file in ``directory``, open for writing and reading; it is gone at the end unless it was published."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / new_name()
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._fd = os.open(self.path, flags, 0o600)

    def fileno(self) -> int:
        """The descriptor; reading and writing share its position."""
        return self._fd

    def write(self, data: bytes) -> None:
        """Append all of ``data`` at the position."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]

    def rewind(self) -> None:
        """Go back to the first byte."""
        os.lseek(self._fd, 0, os.SEEK_SET)

    def publish(self, target: Path, *, mode: int = 0o400) -> None:
        """Make the content durable and give it its name, which may be taken by the same content.

        When this returns, content and name survive a power cut.
        """
        os.fchmod(self._fd, mode)
        os.fsync(self._fd)
        self.path.rename(target)
        sync_directory(target.parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)
        # What cannot be removed is swept one day; it must not hide the error that led here.
        with suppress(OSError) if error is not None else told(self.path.parent):
            self.path.unlink(missing_ok=True)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as error:
        # Some network file systems have no such call; their renames are as durable as they get.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(fd)


def sync_file_system(directory: Path) -> None:
    """Make everything on the file system of ``directory`` durable: for trees, whose files are too many for fsync."""
    from dockmagic.syscalls.files import syncfs  # noqa: PLC0415 - ctypes is slow to import, and most verbs need none

    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        syncfs(fd)
    finally:
        os.close(fd)
