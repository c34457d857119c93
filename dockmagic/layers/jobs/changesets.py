"""Jobs between tars, trees and what they are as changesets."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, BinaryIO

from dockmagic.layers import changes as change
from dockmagic.layers import flatten as flattening
from dockmagic.layers import metadata, peek, removal
from dockmagic.layers import seal as sealing
from dockmagic.layers import unpack as unpacking
from dockmagic.layers import verify as verifying
from dockmagic.layers.compression import Decompressed
from dockmagic.layers.jobs import landings
from dockmagic.layers.jobs.arguments import Arguments, ignore, inside, lowers, owners
from dockmagic.layers.metadata import Metadata
from dockmagic.layers.settled import Settled
from dockmagic.oci.changeset import Entry


def unpack(arguments: Arguments, fds: Sequence[int]) -> Any:
    """``{dest, lowers, below}``, fds [tar, metadata out]: extract a tar, plain or compressed; returns the layer's numbers.

    ``lowers`` are the trees of the layers below, top first, ``below`` their DiffIDs, base first; both may be missing.

    What was extracted of a tar that fails is removed.
    """
    destination = inside(arguments["dest"])
    with os.fdopen(os.dup(fds[0]), "rb", buffering=1 << 20) as source:
        try:
            truth, packed = unpacking.unpack(
                Decompressed(source), destination, single=bool(arguments.get("single")), lowers=lowers(arguments)
            )
        except BaseException:
            with suppress(OSError):
                removal.remove(destination)
            raise
    if truth.leans or truth.inherits:
        truth = replace(truth, below=tuple(arguments.get("below", ())))
    return _numbers(truth, packed, fds[1])


def seal(arguments: Arguments, fds: Sequence[int]) -> Any:
    """``{upper, lowers, epoch, default_owner, owners, ignore}``, fds [metadata out]: make a writable layer a snapshot.

    With ``last``, the arguments of a :func:`dockmagic.layers.jobs.landings.copy`, and its fds behind, that goes before: one job knows what it has
    written, and need not look.
    """
    settled = Settled(int(arguments["epoch"]))
    whose = owners(arguments)
    if "last" in arguments:
        landed = landings.copy({**arguments["last"], "single": whose.single}, fds[1:], settled)
        whose = replace(whose, table={**whose.table, **landed["owners"]})
    truth = sealing.seal(
        inside(arguments["upper"]),
        lowers(arguments),
        owners=whose,
        epoch=settled.epoch,
        ignore=ignore(arguments),
        settled=settled,
    )
    return _numbers(truth, truth.diff_id, fds[0])


def pack(arguments: Arguments, fds: Sequence[int]) -> Any:
    """``{tree}``, fds [metadata in, tar out]: write a layer's tar again; returns its digest."""
    with os.fdopen(os.dup(fds[0]), "rb") as file:
        truth = metadata.parse(file.read())
    with os.fdopen(os.dup(fds[1]), "wb", buffering=1 << 20) as out:
        return {"digest": sealing.pack(inside(arguments["tree"]), truth, out.write)}


def _numbers(truth: Metadata, tree_digest: str, out: int) -> dict[str, Any]:
    """A layer's numbers; its metadata goes to ``out``."""
    with os.fdopen(os.dup(out), "wb") as file:
        file.write(truth.to_bytes())
    return {
        "diff_id": truth.diff_id,
        "size": truth.size,
        "files": truth.files,
        "tar_size": truth.tar_size,
        "tree_digest": tree_digest,
        "empty": not truth.entries,
    }


def flatten(_: Arguments, fds: Sequence[int]) -> Any:
    """Fds [rows in, tar out]: the tar of a merged root; each line of the rows is JSON: a tree, and an entry as metadata has it."""

    def rows(file: BinaryIO) -> Iterator[tuple[str, Entry]]:
        for line in file:
            tree, row = json.loads(line)
            yield inside(tree), metadata.entry(row)

    with os.fdopen(os.dup(fds[0]), "rb") as file, os.fdopen(os.dup(fds[1]), "wb", buffering=1 << 20) as out:
        flattening.flatten(rows(file), out.write)


def verify(arguments: Arguments, fds: Sequence[int]) -> Any:
    """``{tree}``, fds [metadata in]: whether a layer's tree stands as its metadata says; see :func:`dockmagic.layers.verify.wrong`."""
    with os.fdopen(os.dup(fds[0]), "rb") as file:
        truth = metadata.parse(file.read())
    return {"whole": next(verifying.wrong(inside(arguments["tree"]), truth.entries), None) is None}


def changes(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{upper, lowers, ignore, …}``: what a writable layer changes; see :func:`dockmagic.layers.changes.changes`."""
    return change.changes(
        inside(arguments["upper"]), lowers(arguments), owners=owners(arguments), ignore=ignore(arguments)
    )


def listing(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{upper}``: how a writable layer stands."""
    return {"entries": change.listing(inside(arguments["upper"]))}


def entries(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{upper, lowers, owners, …}``: a writable layer as a changeset; see :func:`dockmagic.layers.peek.entries`."""
    found = peek.entries(
        inside(arguments["upper"]), lowers(arguments), owners=owners(arguments), ignore=ignore(arguments)
    )
    return {"entries": found}
