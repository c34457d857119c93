"""The one way in which layers are compressed; RFC 1952.

zlib's level 6 and a header without a time or a name. The same zlib gives the same bytes; because another might not, what was
made is kept and used again.
"""

from __future__ import annotations

import struct
import zlib

from dockmagic.layers.compression import Stream

_LEVEL = 6
_RAW = -15
# Deflate, no flags, no time, no extra flags, an unknown system.
_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
_CHUNK = 1 << 20


class Gzipped:
    """The compressed bytes of a stream."""

    def __init__(self, source: Stream) -> None:
        self._source = source
        self._state = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW)
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
            self._checksum = zlib.crc32(data, self._checksum)
            self._size += len(data)
            self._ready += self._state.compress(data)
            return
        self._ready += self._state.flush() + struct.pack("<II", self._checksum, self._size & 0xFFFFFFFF)
        self._ended = True
