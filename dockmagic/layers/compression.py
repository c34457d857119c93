"""What a layer's stream is compressed with, found by its first bytes."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import BinaryIO, Protocol

from dockmagic.errors import ArchiveError

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
# zstd's own default for decoders: a larger window is a bomb in a layer
_ZSTD_WINDOW = 1 << 27


class Stream(Protocol):
    """A binary stream that raises ArchiveError where it is damaged."""

    def read(self, size: int, /) -> bytes: ...


class Decompressed:
    """The uncompressed bytes of a stream that may be plain, gzip or zstd.

    Args:
        source: a binary stream, not necessarily seekable.
    """

    def __init__(self, source: BinaryIO) -> None:
        buffered = io.BufferedReader(source, 1 << 20) if isinstance(source, io.RawIOBase) else source
        head = buffered.peek(4)[:4] if isinstance(buffered, io.BufferedReader) else b""
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
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise ArchiveError("the compressed data is damaged", detail=str(error)) from error
            except Exception as error:
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
        decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        return decompressor.stream_reader(source, read_across_frames=True)
    return source
