"""What a notebook needs of this machine, and what its reader is told where that is not there."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockmagic.errors import IsolationError

if TYPE_CHECKING:
    from dockmagic import results

_WITHOUT_WALLS = (
    "- To run here what you trust, without walls: %container defaults --isolation weak, then this cell again."
)
_ELSEWHERE = "- To run it elsewhere, take any Linux machine of your own, and pip install dockmagic."


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What the cells of a notebook need.

    Attributes:
        runs: the cells that run something, e.g. ``"4, 6-9"``; where nothing runs, the other ones go on. "" where all stop.
        walls: the cells whose outputs are true with walls only.
        instead: notebooks that go on where this one stops.
    """

    runs: str = ""
    walls: str = ""
    instead: str = ""


def require(found: Sequence[results.Finding], needs: Needs = Needs()) -> str:
    """Look whether the machine gives what a notebook needs: for people who should not have to read a refusal.

    Args:
        found: what ``doctor`` returns.
        needs: of the notebook.

    Returns:
        What the reader has to know of cells that give something else here; "" where all is as it should be.

    Raises:
        IsolationError: no container runs, and the notebook needs one. The detail says so in words for a reader, with what to ask for.
    """
    tier = found[0]
    if tier.ok:
        return _without_walls(needs.walls) if needs.walls and tier.detail.startswith("T2") else ""
    if needs.runs and all(finding.ok for finding in found if finding.name == "store"):
        return "\n".join(_going_on(tier, needs.runs))
    raise IsolationError(
        "containers do not run on this machine",
        operation=tier.call,
        errno=tier.errno,
        hint="%container doctor shows what it gives and what it refuses",
        detail="\n".join(_stopping(tier, needs.instead)),
    )


def _without_walls(walls: str) -> str:
    return "\n".join(
        (
            "Containers run here without walls, as was asked for. Cells that show walls print something else here, or are refused:",
            f"  {walls}",
            "- What they print on a machine with walls is saved in the notebook.",
            "- The other cells print what they print everywhere.",
        )
    )


def _going_on(tier: results.Finding, runs: str) -> list[str]:
    return [
        "Nothing is wrong with this notebook. This machine does not let containers run:",
        f"  {_reason(tier)}",
        "- The notebook goes on: images are built, looked into, kept and sent. These cells run something, or need what a run made, and fail:",
        f"  {runs}",
        "- What they print elsewhere is saved in the notebook.",
        *_ways(tier),
    ]


def _stopping(tier: results.Finding, instead: str) -> list[str]:
    return [
        "Nothing is wrong with this notebook. Its cells run containers, and this machine does not let them run:",
        f"  {_reason(tier)}",
        "- You can read on: the outputs that are saved in the notebook are what its cells print.",
        *([f"- What runs no container works here, too; these notebooks go on: {instead}"] if instead else []),
        *_ways(tier),
    ]


def _ways(tier: results.Finding) -> list[str]:
    return [
        *([f"- To run it here, ask for: {tier.fix}"] if tier.fix else []),
        *([_WITHOUT_WALLS] if tier.detail.startswith("T2") else []),
        _ELSEWHERE,
    ]


def _reason(tier: results.Finding) -> str:
    number = errno.errorcode.get(tier.errno, "")
    return ": ".join(word for word in (tier.call, number) if word) or tier.detail
