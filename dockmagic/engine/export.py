"""``export``: the merged root file system of a container or image as one tar."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from dockmagic.engine import containers, files
from dockmagic.layers import metadata
from dockmagic.store.archive_output import written
from dockmagic.store.piping import piped

if TYPE_CHECKING:
    from dockmagic.engine.files import Place, Stack
    from dockmagic.engine.session import Session
    from dockmagic.layers.compression import Stream
    from dockmagic.oci.changeset import Entry
    from dockmagic.store.archive_output import Target

_CHUNK = 1 << 20


def export(session: Session, place: Place, output: Target) -> None:
    """Write the tar that ``import`` takes: everything that stands there, with owners, modes, times and attributes.

    Entries are sorted, so the same content gives the same bytes. What dockmagic itself provides to a run (``/etc/hosts``, ``/dev``,
    volumes) is not in it.

    Args:
        session: what it works on.
        place: a container, or an image; a name means the container of that name first.
        output: a path, or a binary stream; a file of that name is replaced when all is written.

    Raises:
        NotFoundError: no such container or image.
        ArchiveError: the output cannot be written.
        StoreError: something is missing or damaged.
    """
    target = Path(output).expanduser() if isinstance(output, str | Path) else output
    with opened(session, place) as (_, tar), written(target) as out:
        while data := tar.read(_CHUNK):
            out(data)


@contextmanager
def opened(session: Session, place: Place) -> Iterator[tuple[Sequence[Entry], Stream]]:
    """What stands in a container or image, bytewise by path, and the tar of it, which is made while it is read.

    Raises:
        NotFoundError: no such container or image.
        StoreError: something is missing or damaged.
    """
    stack = files.stack(session, place)
    with session.store.leases.hold("export", *stack.diff_ids), tempfile.TemporaryFile() as rows:
        entries = _list(session, stack, rows)

        def write(descriptor: int) -> None:
            rows.seek(0)
            session.call("flatten", {}, [rows.fileno(), descriptor])

        with piped(write) as tar:
            yield entries, tar


def _list(session: Session, stack: Stack, out: BinaryIO) -> Sequence[Entry]:
    """Write the entries, a JSON row a line: the tree, and the entry as a layer's metadata has it."""
    trees = {diff_id: session.store.layers.snapshot(diff_id) for diff_id in stack.diff_ids}
    if stack.row is not None:
        trees[files.WRITABLE] = containers.upper(stack.row)
    standing = [
        found for _, found in sorted(files.standing(session, stack).items(), key=lambda item: os.fsencode(item[0]))
    ]
    out.writelines(
        json.dumps([trees[found.diff_id], metadata.row(found.entry)]).encode("ascii") + b"\n" for found in standing
    )
    out.flush()
    return [found.entry for found in standing]
