"""The one way in which layers are compressed; RFC 1952.

ISA-L's level 2, fifteen times faster than zlib's level 6 and a tenth larger, and a header without a time or a name. Where the
package isal is missing it is zlib. Another version, or another processor, may give other bytes: what was made is kept and used again.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Protocol

from dockmagic.layers.compression import Stream

_LEVEL = 2
_LEVEL_OF_ZLIB = 6
_RAW = -15
# Deflate, no flags, no time, no extra flags, an unknown system.
_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
_CHUNK = 1 << 20


class _Compressor(Protocol):
    """``zlib.compressobj``."""

    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


def _engine(level: int | None) -> tuple[_Compressor, Callable[[bytes, int], int]]:
    """A new compressor, and what counts the checksum."""
    if level is not None:
        return zlib.compressobj(level, zlib.DEFLATED, _RAW), zlib.crc32
    try:
        from isal import isal_zlib  # noqa: PLC0415 - only who pushes compresses
    except ImportError:
        return zlib.compressobj(_LEVEL_OF_ZLIB, zlib.DEFLATED, _RAW), zlib.crc32
    return isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _RAW), isal_zlib.crc32


class Gzipped:
    """The compressed bytes of a stream.

    Args:
        source: what is read.
        level: zlib's, 0 to 9; None for the pinned way.
    """

    def __init__(self, source: Stream, level: int | None = None) -> None:
        self._source = source
        self._state, self._crc32 = _engine(level)
        self._ready = bytearray(_HEADER)
        self._checksum = 0
        self._size = 0
        self._ended = False

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes, b"" at the end."""
        while len(self._ready) < size and not self._ended:
            self._compress()
        data = bytes(self._ready[:size])
        del self._ready[:size]
        return data

    def _compress(self) -> None:
        data = self._source.read(_CHUNK)
        if data:
            self._checksum = self._crc32(data, self._checksum)
            self._size += len(data)
            self._ready += self._state.compress(data)
            return
        self._ready += self._state.flush() + struct.pack("<II", self._checksum, self._size & 0xFFFFFFFF)
        self._ended = True
