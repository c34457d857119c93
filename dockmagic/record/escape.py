"""Names made harmless and visible: what cannot be seen, or turns text around, is spelled out.

The set of characters is fixed here, because ``str.isprintable`` knows more characters with every release of Python, and
the record is compared between machines.
"""

from __future__ import annotations

import re

# Inclusive ranges of code points that are drawn as an escape: controls (C0, DEL, C1), soft hyphen, bidi marks and
# isolates, zero-width and filler characters, line separators, variation selectors, byte-order mark, interlinear marks,
# noncharacters, surrogates, tags.
_HIDDEN = (
    (0x00, 0x1F),
    (0x7F, 0x9F),
    (0xAD, 0xAD),
    (0x34F, 0x34F),
    (0x61C, 0x61C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x2028, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xD800, 0xDFFF),
    (0xFDD0, 0xFDEF),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB),
    (0xFFFE, 0xFFFF),
    (0xE0000, 0xE0FFF),
)
_HIDDEN_CLASS = re.compile("[" + "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in _HIDDEN) + "]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_UNDECODED = range(0xDC80, 0xDD00)  # how surrogateescape keeps a byte that is no UTF-8: 0xDC00 + byte
_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")


def visible(text: str) -> str:
    r"""``text`` with each hidden character spelled out: ``\n``, ``\x1b``, ``\u202e``, ``\xff`` for an invalid byte."""
    return _HIDDEN_CLASS.sub(lambda match: _spelled(match[0]), text)


def _spelled(character: str) -> str:
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    if code in _UNDECODED:
        return f"\\x{code - 0xDC00:02x}"
    if code <= 0xFF:  # noqa: PLR2004 - what two digits hold
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - what four digits hold


def log_line(text: str) -> str:
    """A line of a log as a reader saw it last: after the last carriage return, without colours, else visible."""
    shown = text.rstrip("\r\n").rpartition("\r")[2]
    return visible(_COLOUR.sub("", shown).replace("\t", "    "))


_BUILD_ARGUMENTS = re.compile(r"(?:RUN )?\|[0-9]+ .*")
_SHELL_FORM = re.compile(r".* (?:/bin/sh -c|(/bin/(?:ba|da|a)sh(?: -[a-z]+| pipefail)* -[a-z]*c)) (.*)")


def instruction_line(text: str) -> str:
    """The first line of an instruction, with no value of a build argument.

    Docker words a RUN with build arguments as ``|1 NAME=value /bin/sh -c command`` in an image's history; what stands
    before the shell is left out; of what looks like several shells the last counts, for a value can hold one.
    """
    stripped = text.strip()
    first = stripped.splitlines()[0].rstrip() if stripped else ""
    if _BUILD_ARGUMENTS.fullmatch(first):
        shell = _SHELL_FORM.fullmatch(first)
        first = " ".join(filter(None, ("RUN", *(shell.groups() if shell else ()))))
    return visible(first.replace("\t", " "))
