"""What a layer's stream is compressed with, found by its first bytes."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from typing import BinaryIO, Protocol

from dockmagic.errors import ArchiveError

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_BZIP2 = b"BZh"
_XZ = b"\xfd7zXZ\0"
_PIECE = 1 << 16
# zstd's own default for decoders: a larger window is a bomb in a layer
_ZSTD_WINDOW = 1 << 27
# 4 bytes of zstd can be 128 KiB, and what one piece holds is decompressed at once
_ZSTD_FEED = 1 << 10
# xz -9 needs 65 MiB
_XZ_MEMORY = 1 << 27


class Stream(Protocol):
    """A binary stream that raises ArchiveError where it is damaged."""

    def read(self, size: int, /) -> bytes: ...


class Decompressed:
    """The uncompressed bytes of a stream that may be plain, gzip, bzip2, xz or zstd.

    Args:
        source: a binary stream, not necessarily seekable.
    """

    def __init__(self, source: BinaryIO) -> None:
        buffered = io.BufferedReader(source, 1 << 20) if isinstance(source, io.RawIOBase) else source
        head = buffered.peek(6)[:6] if isinstance(buffered, io.BufferedReader) else b""
        self._inner = _opened(head, buffered)

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes, fewer only at the end.

        Raises:
            ArchiveError: the compressed stream is damaged or truncated.
        """
        parts = []
        while size > 0:
            try:
                data = self._inner.read(size)
            except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
                raise ArchiveError("the compressed data is damaged", detail=str(error)) from error
            except Exception as error:
                if type(self._inner) is bz2.BZ2File and isinstance(error, OSError) and error.errno is None:
                    raise ArchiveError("the compressed data is damaged", detail=str(error)) from error
                if type(error).__name__ in {"ZstdError", "IsalError"}:
                    raise ArchiveError("the compressed data is damaged", detail=str(error)) from error
                raise
            if not data:
                break
            parts.append(data)
            size -= len(data)
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _opened(head: bytes, source: BinaryIO) -> Stream:
    if head.startswith(_GZIP):
        try:
            from isal import igzip  # noqa: PLC0415 - optional: 3 times faster
        except ImportError:
            return gzip.GzipFile(fileobj=source)
        reader: Stream = igzip.GzipFile(fileobj=source)  # type: ignore[no-untyped-call]
        return reader
    if head.startswith(_ZSTD):
        try:
            import zstandard  # noqa: PLC0415 - optional
        except ImportError:
            raise ArchiveError(
                "zstd data, and no reader of it is installed", hint='pip install "dockmagic[fast]"'
            ) from None
        return _Zstd(source, zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj)
    if head.startswith(_BZIP2):
        return bz2.BZ2File(source)
    return _Xz(source) if head.startswith(_XZ) else source


class _Xz:
    """The bytes of an xz stream, or of several in a row, in a bounded memory."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._decoder = _decoder()

    def read(self, size: int, /) -> bytes:
        while True:
            if self._decoder.eof:
                rest = self._decoder.unused_data.lstrip(b"\0") or self._source.read(_PIECE).lstrip(b"\0")
                if not rest:
                    return b""
                self._decoder = _decoder()
            else:
                rest = self._source.read(_PIECE) if self._decoder.needs_input else b""
                if not rest and self._decoder.needs_input:
                    raise EOFError("the xz stream ends within a block")
            if data := self._decoder.decompress(rest, size):
                return data


def _decoder() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)


class _Frame(Protocol):
    """A zstd frame on its way; zstandard's ``ZstdDecompressionObj``."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


class _Zstd:
    """Frame after frame; unlike zstandard's own reader it tells when the last one is cut off."""

    def __init__(self, source: BinaryIO, new_frame: Callable[[], _Frame]) -> None:
        self._source = source
        self._new_frame = new_frame
        self._frame: _Frame | None = None
        self._pending = b""
        self._ready = memoryview(b"")

    def read(self, size: int, /) -> bytes:
        while not self._ready:
            data = self._pending or self._source.read(_ZSTD_FEED)
            if not data:
                if self._frame is not None:
                    raise EOFError("the last frame is cut off")
                return b""
            self._frame = self._frame or self._new_frame()
            self._ready = memoryview(self._frame.decompress(data))
            self._pending = b""
            if self._frame.eof:
                self._pending, self._frame = self._frame.unused_data, None
        data, self._ready = bytes(self._ready[:size]), self._ready[size:]
        return data
