"""Files that stand in the Dockerfile itself: the here-documents of COPY."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from dockmagic.builder.selection import Bytes, Item, Selection
from dockmagic.errors import UsageError
from dockmagic.oci import digest
from dockmagic.oci.changeset import Entry

_MODE = 0o644


def inline(files: Sequence[tuple[str, bytes]]) -> Selection:
    """The selection of files given as (name, content): mode 0644; of a name with directories the last part counts.

    Raises:
        UsageError: a name is none of a file.
    """
    return Selection((_item(name, data) for name, data in files), single_file=len(files) == 1)


def _item(name: str, data: bytes) -> Item:
    base = posixpath.basename(name)
    if base in {"", ".", ".."} or "\0" in base:
        raise UsageError(f'not a name of a file: "{name}"')
    entry = Entry(path=base, type="file", mode=_MODE, size=len(data))
    return Item(entry=entry, content=Bytes(data), sha256=digest.encoded(digest.of(data)))
