"""Entries of a layer's changeset, as the OCI image specification's layer page defines them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["file", "dir", "symlink", "hardlink", "char", "block", "fifo", "whiteout", "opaque"]
WHITEOUT_PREFIX = ".wh."
OPAQUE_WHITEOUT = ".wh..wh..opq"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry.

    Attributes:
        path: without a leading or trailing slash, never ""; undecodable bytes as surrogates. A whiteout bears the path that
            it deletes, an opaque the directory that it empties.
        mode: permission, set-id and sticky bits.
        size: bytes of a file, else 0.
        mtime: seconds since 1970.
        linkname: a symlink's text, or the path of a hard link's first name.
    """

    path: str
    type: Kind
    mode: int = 0o755
    uid: int = 0
    gid: int = 0
    size: int = 0
    mtime: int = 0
    linkname: str = ""
    devmajor: int = 0
    devminor: int = 0
    xattrs: Mapping[str, bytes] = field(default_factory=dict)
