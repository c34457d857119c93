"""What a verb is: its name, what stands after it, and its options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dockmagic.magics.options import Option

Body = Literal["", "dockerfile", "script", "both"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One verb of one form.

    Attributes:
        name: "" for the cell that builds, then runs.
        summary: one line.
        operands: what stands after the options, as the help shows it; ``[X]`` may be left out, ``X...`` repeats.
        options: that it takes, and those that it refuses with a reason.
        body: what the cell's body is; "" for a line magic.
        arguments: after the first operand stand words for the script or command.
    """

    name: str
    summary: str
    operands: str = ""
    options: tuple[Option, ...] = ()
    body: Body = ""
    arguments: bool = False

    @property
    def magic(self) -> str:
        """``%%container run``: how it is written."""
        return f"{'%%' if self.body else '%'}container {self.name}".rstrip()

    @property
    def least(self) -> int:
        """How many operands must be there."""
        return sum(not word.startswith("[") for word in self.operands.split())

    @property
    def most(self) -> int | None:
        """How many may be there; None for any number."""
        words = self.operands.split()
        return None if any(word.rstrip("]").endswith("...") for word in words) else len(words)

    def option(self, name: str) -> Option | None:
        """The option of that name; one that can be used goes before one that is refused."""
        found = [option for option in self.options if name in {*option.names, *option.also}]
        return next((option for option in found if not option.absent), found[0] if found else None)

    @property
    def available(self) -> tuple[Option, ...]:
        """The options that can be used."""
        return tuple(option for option in self.options if not option.absent)
