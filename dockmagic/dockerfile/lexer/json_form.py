"""The JSON form of arguments: ``["executable", "argument"]``."""

from __future__ import annotations

import json
import re
from typing import NoReturn

from dockmagic.dockerfile.lexer.blanks import SPACES
from dockmagic.errors import DockerfileError

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def json_words(text: str) -> tuple[str, ...] | None:
    """The strings of a JSON array, or None where ``text`` is no JSON array (then it is the shell form).

    Raises:
        DockerfileError: a JSON array that holds something else than strings.
    """
    text = text.lstrip(SPACES)
    if not text.startswith("["):
        return None
    try:
        values = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    if not all(isinstance(value, str) for value in values):
        raise DockerfileError("when using JSON array syntax, arrays must be comprised of strings only")
    return tuple(_LONE_SURROGATE.sub("\ufffd", value) for value in values)


def _refuse(constant: str) -> NoReturn:
    """NaN and Infinity are Python's extensions, not JSON."""
    raise ValueError(constant)
