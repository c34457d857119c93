"""The Dockerfile in the text of a whole cell, for who looks at cells that do not run."""

from __future__ import annotations

import re

from dockmagic.lab.part import Part
from dockmagic.magics import cell

_MAGIC = re.compile(r"%%container(?:[ \t]+(.*))?")
# Verbs whose body is no Dockerfile; what is no verb is an option of the bare form.
_SCRIPTS = frozenset({"run", "exec", "expect"})


def dockerfile_part(text: str) -> Part | None:
    """The Dockerfile of a ``%%container`` cell and where it begins; None where the cell has none."""
    lines = text.split("\n")
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    magic = _MAGIC.fullmatch(lines[first].rstrip())
    if magic is None or next(iter((magic[1] or "").split()), "") in _SCRIPTS:
        return None
    body = cell.without_options("\n".join(lines[first + 1 :])).text
    return Part(text=cell.split(body).dockerfile, first_line=first + 1)
