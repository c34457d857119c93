r"""What a container printed, as bytes in one file, and when it came, in another beside it.

The second file is a row of marks: where the first one ended, and at which time (``<QQ``: bytes, nanoseconds since 1970). A mark is written
after the bytes that it tells of, so at most the last words of a process that was killed have none; they count as of the mark before. A log
without marks is of an earlier version: all of it counts as of its last change.
"""

from __future__ import annotations

import bisect
import os
import struct
import time
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

_MARK = struct.Struct("<QQ")
# What comes within this many nanoseconds has one mark, so that marks cannot outgrow what a flood of single bytes says.
_TOGETHER = 1_000_000
_TIMES = ".times"
_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which lines of a log are wanted.

    Attributes:
        since: nanoseconds since 1970; lines from then on, None for all.
        until: lines up to then, None for all.
        tail: so many of the last of these, None for all.
        timestamps: each line begins with its time, in RFC 3339 with nanoseconds, UTC.
    """

    since: int | None = None
    until: int | None = None
    tail: int | None = None
    timestamps: bool = False

    @property
    def asks_time(self) -> bool:
        """Marks must be read."""
        return self.timestamps or self.since is not None or self.until is not None


def marks_path(log: Path) -> Path:
    """The file of a log's marks."""
    return log.with_name(log.name + _TIMES)


def container_of(name: str) -> str:
    """Whose log or marks a file of that name holds."""
    return name.removesuffix(_TIMES)


class LogWriter(AbstractContextManager["LogWriter"]):
    """Appends to a log."""

    def __init__(self, path: Path) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self._marks = -1
        self._log = os.open(path, flags | os.O_APPEND, 0o600)
        try:
            self._marks = os.open(marks_path(path), flags, 0o600)
            self._end = os.fstat(self._log).st_size
            self._place = os.fstat(self._marks).st_size // _MARK.size * _MARK.size
            self._last = 0
            if self._end and not self._place:
                self._mark(os.fstat(self._log).st_mtime_ns)
        except BaseException:
            self.close()
            raise

    def write(self, data: bytes) -> None:
        """Append; what cannot be written, as on a full disk, is an OSError."""
        now = time.time_ns()
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._log, rest) :]
        self._end += len(data)
        self._mark(now)

    def _mark(self, now: int) -> None:
        if not self._place or now - self._last >= _TOGETHER or now < self._last:
            self._place += _MARK.size
            self._last = now
        os.pwrite(self._marks, _MARK.pack(self._end, self._last), self._place - _MARK.size)

    def close(self) -> None:
        """Give the descriptors back."""
        for descriptor in (self._log, self._marks):
            if descriptor >= 0:
                os.close(descriptor)
        self._log = self._marks = -1

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class LogReader(AbstractContextManager["LogReader"]):
    """Reads a log from its beginning, and on as it grows.

    Attributes:
        is_past: a line came that is later than wanted; so are all that follow.

    Raises:
        FileNotFoundError: there is none.
    """

    def __init__(self, path: Path, selection: Selection) -> None:
        self._selection = selection
        self._log = path.open("rb")
        self._marks: BinaryIO | None = None
        self._marks_path = marks_path(path)
        self._ends: list[int] = []
        self._times: list[int] = []
        self._rest = b""
        self._offset = 0
        self.is_past = False

    def read(self, *, last: bool) -> list[bytes]:
        """The lines of the selection that came since the last call, ``tail`` aside.

        Args:
            last: nothing will follow, so an unfinished line counts and a missing mark is not waited for.
        """
        data = self._rest + self._log.read()
        if not self._selection.asks_time:
            return _lines(data)
        self._hear_marks()
        found: list[bytes] = []
        begin = 0
        for line in _lines(data):
            end = self._offset + len(line)
            at = self._time(end, last=last)
            if at is None or not (last or line.endswith(b"\n")):
                break
            begin, self._offset = begin + len(line), end
            if self._wants(at):
                found.append((stamp(at).encode() + b" " if self._selection.timestamps else b"") + line)
        self._rest = data[begin:]
        return found

    def _hear_marks(self) -> None:
        if self._marks is None:
            with suppress(FileNotFoundError):
                self._marks = self._marks_path.open("rb")
        if self._marks is None:
            return
        del self._ends[-1:], self._times[-1:]  # the last one may have grown
        self._marks.seek(len(self._ends) * _MARK.size)
        data = self._marks.read()
        for end, at in _MARK.iter_unpack(data[: len(data) // _MARK.size * _MARK.size]):
            self._ends.append(end)
            self._times.append(at)

    def _time(self, end: int, *, last: bool) -> int | None:
        """When the line that ends there was whole; None when no mark says so yet."""
        place = bisect.bisect_left(self._ends, end)
        if place < len(self._ends):
            return self._times[place]
        if self._times and last:
            return self._times[-1]
        return os.fstat(self._log.fileno()).st_mtime_ns if self._marks is None or last else None

    def _wants(self, at: int) -> bool:
        since, until = self._selection.since, self._selection.until
        if until is not None and at > until:
            self.is_past = True
            return False
        return since is None or at >= since

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._log.close()
        if self._marks is not None:
            self._marks.close()


def stamp(at: int) -> str:
    """A time in RFC 3339 with nine digits of the second, as docker's logs have it: ``2030-01-02T03:04:05.000000006Z``."""
    seconds, rest = divmod(at, _SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def last_lines(lines: list[bytes], count: int | None) -> list[bytes]:
    """So many of the last; None for all."""
    return lines if count is None else lines[-count:] if count else []


def _lines(data: bytes) -> list[bytes]:
    r"""Lines by newlines alone: a progress bar that goes back by ``\r`` is one."""
    *whole, rest = data.split(b"\n")
    return [*(line + b"\n" for line in whole), *([rest] if rest else [])]
