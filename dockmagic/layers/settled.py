"""Files of a writable layer that this process has just made and finished, so that looking at them again would tell nothing new."""

from __future__ import annotations

from dockmagic.oci.changeset import Entry

_SMALL = 16 << 10  # bytes of a file whose content is kept
_ROOM = 32 << 20  # bytes of all of them
_LARGEST_ID = 0xFFFF


class Settled:
    """What is known of them; nobody else changes the layer meanwhile.

    Args:
        epoch: seconds since 1970 that every timestamp has.

    Attributes:
        entries: by path in the layer.
        contents: what small ones hold, by path.
    """

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.entries: dict[str, Entry] = {}
        self.contents: dict[str, bytes] = {}
        self._room = _ROOM

    def add(self, path: str, entry: Entry, size: int, data: bytes | None) -> None:
        """Note a new file that has one name and the layer's time; one that the disk may hold otherwise than asked is left to be looked at.

        Args:
            path: in the layer.
            entry: as it was asked for.
            size: bytes that were written.
            data: all of them, where they are at hand.
        """
        if entry.xattrs or entry.mode > 0o777 or max(entry.uid, entry.gid) > _LARGEST_ID:  # noqa: PLR2004 - permissions
            return
        if (entry.path, entry.size, entry.mtime) != (path, size, self.epoch):
            entry = Entry(  # three times faster than replace()
                path=path, type="file", mode=entry.mode, uid=entry.uid, gid=entry.gid, size=size, mtime=self.epoch
            )
        self.entries[path] = entry
        if data is not None and size <= min(_SMALL, self._room):
            self._room -= size
            self.contents[path] = data

    def forget(self) -> None:
        """Something that stands already is replaced, or gets another name."""
        self.entries.clear()
        self.contents.clear()
