"""Compressing a layer for who asks for one way in particular: another compression than :mod:`dockmagic.store.gzipping`'s, or a level."""

from __future__ import annotations

from typing import IO, Literal, cast

from dockmagic.errors import UsageError
from dockmagic.layers.compression import Stream
from dockmagic.oci import mediatype
from dockmagic.store.gzipping import Gzipped

MEDIA_TYPES = {"gzip": mediatype.LAYER_GZIP, "zstd": mediatype.LAYER_ZSTD}
_LEVEL_OF_ZSTD = 3


def compressed(source: Stream, compression: Literal["gzip", "zstd"], level: int | None = None) -> Stream:
    """The compressed bytes of a stream.

    Args:
        source: the tar.
        compression: what it becomes.
        level: of gzip 0 to 9, of zstd 0 to 22; None for the usual one.

    Raises:
        UsageError: nothing is installed that writes it.
    """
    if compression == "gzip":
        return Gzipped(source, level)
    try:
        import zstandard  # noqa: PLC0415 - optional
    except ImportError:
        raise UsageError(
            "zstd is wanted, and no writer of it is installed", hint='pip install "dockmagic[fast]"'
        ) from None
    made: Stream = zstandard.ZstdCompressor(level=level or _LEVEL_OF_ZSTD).stream_reader(cast("IO[bytes]", source))
    return made
