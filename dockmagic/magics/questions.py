"""``%container run?``: the notebook's way to ask for help."""

from __future__ import annotations

import re

_QUESTION = re.compile(r"(\s*)%{1,2}container(?:[ \t]+([\w-]+(?:[ \t]+[\w-]+)?))?[ \t]*\?{1,2}\s*")


def asked(lines: list[str]) -> list[str]:
    """An input transformation of IPython: ``%container run?`` and ``%%container?`` become ``--help``.

    IPython itself takes the last word for a name and would show what it knows of ``run``. Lines of a cell magic's body
    stay as they are.
    """
    if lines and lines[0].startswith("%%") and any(line.strip() for line in lines[1:]):
        return lines
    return [_answered(line) for line in lines]


def _answered(line: str) -> str:
    found = _QUESTION.fullmatch(line)
    return " ".join(filter(None, (f"{found[1]}%container", found[2], "--help\n"))) if found else line
