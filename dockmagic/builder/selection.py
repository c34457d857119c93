"""What a COPY copies, as a value: entries with their content, a key of all of it, and the way of it to the layer."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from dockmagic.errors import UsageError
from dockmagic.layers import shipment
from dockmagic.layers.tar_writer import header
from dockmagic.oci import digest as digests
from dockmagic.oci.changeset import Entry


class Content(Protocol):
    """A file's bytes, to be read as often as they are wanted."""

    def chunks(self) -> Iterator[bytes]:
        """The bytes, in pieces.

        Raises:
            UsageError: they cannot be read any more.
        """


@dataclass(frozen=True, slots=True)
class Bytes:
    """Content that is held in memory."""

    data: bytes

    def chunks(self) -> Iterator[bytes]:
        yield self.data


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One entry of a selection.

    Attributes:
        entry: its path is relative to where it lands; owner 0:0, mtime 0.
        content: a file's bytes, None where there are none to read.
        sha256: the bare hexadecimal digest that the content had when it was selected, "" without content.
    """

    entry: Entry
    content: Content | None = None
    sha256: str = ""


@dataclass(frozen=True, slots=True, init=False)
class Selection:
    """What a COPY copies.

    Attributes:
        items: sorted bytewise by path, each path once, a directory before what is in it.
        single_file: it is one file that may be renamed by the destination.
        last: where one wildcard names several sources and the first is a file, what of them stays without a directory to land in: the last.
            None where there are no such, or where one is a directory.
        several: there are such.
        lands: something was named, an empty directory at least: the destination is made.
        unmatched: a line for each source that names nothing.
        digest: of kinds, names, modes, links and content, of ``single_file``, ``last`` and ``lands``: ``sha256:…``. The same on every machine.
    """

    items: tuple[Item, ...]
    single_file: bool
    several: bool
    last: Selection | None
    lands: bool
    unmatched: tuple[str, ...]
    digest: str

    def __init__(
        self,
        items: Iterable[Item],
        *,
        single_file: bool = False,
        several: bool = False,
        last: Selection | None = None,
        lands: bool = True,
        unmatched: tuple[str, ...] = (),
    ) -> None:
        """Sort ``items``; of two that land on one path the later stays.

        Raises:
            UsageError: a directory and something else land on one path.
        """
        landed: dict[str, Item] = {}
        for item in items:
            _land(landed, item)
        ordered = sorted(landed.values(), key=lambda item: os.fsencode(item.entry.path))
        object.__setattr__(self, "items", tuple(ordered))
        object.__setattr__(self, "single_file", single_file)
        object.__setattr__(self, "several", several)
        object.__setattr__(self, "last", last)
        object.__setattr__(self, "lands", lands)
        object.__setattr__(self, "unmatched", unmatched)
        digest = _digest(ordered, single_file=single_file, lands=lands)
        # which of them is the last their names do not tell
        object.__setattr__(self, "digest", digest if last is None else digests.of(f"{digest} {last.digest}".encode()))

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The entries, in order."""
        return tuple(item.entry for item in self.items)

    @staticmethod
    def joined(*selections: Selection) -> Selection:
        """All of them as one; where two land on one path, the later stays.

        Raises:
            UsageError: a directory and something else land on one path.
        """
        if len(selections) == 1:
            return selections[0]
        return Selection(item for selection in selections for item in selection.items)

    def send(self, out: int) -> None:
        """Write the entries with their content to a descriptor, which stays open, as :mod:`dockmagic.layers.shipment` reads them.

        Raises:
            UsageError: a file differs from what was selected. What is written then is not whole.
            OSError: the descriptor cannot be written.
        """
        with os.fdopen(out, "wb", buffering=1 << 20, closefd=False) as file:
            for first in range(0, len(self.items), shipment.BATCH):
                batch = self.items[first : first + shipment.BATCH]
                file.write(shipment.head([item.entry for item in batch]))
                for item in batch:
                    if item.content is not None:
                        _write_content(file, item, item.content)
            file.write(shipment.END)


def changed(path: str, detail: str = "") -> UsageError:
    """The error for a file that is not what it was when it was selected."""
    return UsageError(
        f'changed while it was read: "{path}"',
        hint="build again when nothing writes to the build context",
        detail=detail,
    )


def _write_content(file: BinaryIO, item: Item, content: Content) -> None:
    if isinstance(content, Bytes):  # what was digested itself
        file.write(content.data)
        return
    state = hashlib.sha256()
    left = item.entry.size
    for chunk in content.chunks():
        left -= len(chunk)
        if left < 0:
            raise changed(item.entry.path, "it has grown")
        state.update(chunk)
        file.write(chunk)
    if left or state.hexdigest() != item.sha256:
        raise changed(item.entry.path)


def _land(landed: dict[str, Item], item: Item) -> None:
    before = landed.get(item.entry.path)
    if before is not None and (before.entry.type == "dir") != (item.entry.type == "dir"):
        raise UsageError(
            f'two sources land on "{item.entry.path}", and one of them is a directory',
            hint="copy them by two instructions",
        )
    landed[item.entry.path] = item


def _digest(items: Iterable[Item], *, single_file: bool, lands: bool) -> str:
    state = hashlib.sha256((b"file\n" if single_file else b"tree\n") if lands else b"nothing\n")
    for item in items:
        # a header holds everything that counts but the content, and says how long that is
        state.update(header(item.entry))
        state.update(bytes.fromhex(item.sha256))
    return f"sha256:{state.hexdigest()}"
