"""Jobs that write into a writable layer that is being made."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from dockmagic.layers import arrivals, landing, populate, shipment
from dockmagic.layers.jobs.arguments import Arguments, inside, lowers, owners, wish
from dockmagic.layers.settled import Settled
from dockmagic.layers.stamp import stamp as stamped

# of devices that are left out
_NAMED = 20


def copy(arguments: Arguments, fds: Sequence[int], settled: Settled | None = None) -> Any:
    """``{upper, lowers, dest, dest_is_dir, single_file, chown, chmod, sources}``, fds [shipment] without sources: COPY.

    ``upper`` is a directory that only landings wrote to. Returns the owners that only a table can hold, for ``seal``.
    """
    single = bool(arguments.get("single"))
    target = landing.Landing(inside(arguments["upper"]), lowers(arguments), single=single, settled=settled)
    sources = arguments.get("sources")
    if sources is not None:
        for source in sources:
            source["lowers"] = [inside(lower) for lower in source["lowers"]]
        arrivals.land(target, wish(arguments), arrivals.from_stack(sources, single=single))
    else:
        with os.fdopen(os.dup(fds[0]), "rb", buffering=1 << 20) as stream:
            arrivals.land(target, wish(arguments), shipment.arrivals(stream))
    return {"owners": target.table}


def extract(arguments: Arguments, fds: Sequence[int]) -> Any:
    """``{upper, lowers, dest, chown}``, fds [archive]: land what an archive holds, as ADD does.

    Returns the owners that only a table can hold, and the paths of devices, which are left out.
    """
    target = landing.Landing(inside(arguments["upper"]), lowers(arguments), single=bool(arguments.get("single")))
    with os.fdopen(os.dup(fds[0]), "rb", buffering=1 << 20) as stream:
        arrivals.extract(target, wish(arguments), stream)
    return {"owners": target.table, "left_out": target.left_out[:_NAMED]}


def makedirs(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{upper, lowers, path, owner}``: WORKDIR's directory and its parents, by default root's, 0755."""
    target = landing.Landing(inside(arguments["upper"]), lowers(arguments), single=bool(arguments.get("single")))
    uid, gid = arguments.get("owner", landing.ROOT)
    return {"path": "/" + target.makedirs(arguments["path"], owner=(int(uid), int(gid)))}


def stamp(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{upper, lowers, owner, owners}``: record whose the new files are, where only one id is mapped; see the module.

    Returns:
        ``{"owners": …}``: the table, with what no attribute can hold.
    """
    uid, gid = arguments["owner"]
    found = stamped(inside(arguments["upper"]), lowers(arguments), (int(uid), int(gid)), owners(arguments).table)
    return {"owners": found}


def populated(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{dest, lowers, path}``: a volume's first content; ``{"found": …}``. Without ``dest`` the path is asked: ``{"empty": …}``."""
    if "dest" not in arguments:
        return {"empty": populate.is_empty(inside(arguments["path"]))}
    target, single = inside(arguments["dest"]), bool(arguments.get("single"))
    return {"found": populate.populate(target, lowers(arguments), arguments["path"], single=single)}
