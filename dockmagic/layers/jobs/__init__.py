"""Jobs on trees, by name: what an :class:`~dockmagic.layers.owner.Owner` runs where the ids exist.

Every job gets JSON-able arguments and open descriptors, and returns something JSON-able. Its working directory is the scheme's
root; paths are relative to it and never leave it. ``"single": true`` in the arguments says that only one id is mapped.
"""

from __future__ import annotations

from collections.abc import Mapping

from dockmagic.layers.jobs import changesets, landings, stacks, trees
from dockmagic.layers.jobs.arguments import Job

JOBS: Mapping[str, Job] = {
    "beginning": stacks.beginning,
    "changes": changesets.changes,
    "copy": landings.copy,
    "digest": stacks.digest,
    "duplicate": trees.duplicate,
    "extract": landings.extract,
    "fetch": stacks.fetch,
    "entries": changesets.entries,
    "flatten": changesets.flatten,
    "list": stacks.names,
    "listing": changesets.listing,
    "makedirs": landings.makedirs,
    "mkdir": trees.mkdir,
    "pack": changesets.pack,
    "point": trees.point,
    "populate": landings.populated,
    "read": stacks.read,
    "remove": trees.remove,
    "rename": trees.rename,
    "seal": changesets.seal,
    "stamp": landings.stamp,
    "stat": stacks.status,
    "unpack": changesets.unpack,
    "usage": trees.usage,
    "verify": changesets.verify,
    "walk": stacks.walk,
}
