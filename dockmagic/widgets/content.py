"""What a file holds, and how two differ, as lines that a page can show: limited in size, nothing interpreted. Pure."""

from __future__ import annotations

import codecs
import difflib
from collections.abc import Iterator, Sequence
from typing import Any

from dockmagic.listing import Content
from dockmagic.record.escape import visible
from dockmagic.table import decimal_size

SHOWN_BYTES = 1 << 16
COMPARED_BYTES = 1 << 18
_MOST_LINES = 1000
_COMPARED_LINES = 4000
_MOST_DIFF_LINES = 400
_LONGEST_LINE = 500
_HEX_BYTES = 256
_HEX_ROW = 16


def shown(content: Content) -> dict[str, Any]:
    """A file's beginning.

    Returns:
        ``{"type", "size", "lines", "cut", "words"}``: type ``text``, ``binary`` (lines are a hex dump), ``link`` or ``other``; ``cut``
        says that there is more; ``words`` tell it.
    """
    size = decimal_size(content.size)
    if content.kind == "l":
        return _told(
            "link", content.size, [_line(content.data.decode("utf-8", "surrogateescape"))], "a symbolic link to:"
        )
    if content.kind != "-":
        return _told("other", content.size, [], _KINDS.get(content.kind, "no regular file"))
    text = text_of(content)
    if text is None:
        words = f"binary, {size}" + ("" if content.size <= _HEX_BYTES else f"; the first {_HEX_BYTES} bytes")
        return _told(
            "binary", content.size, list(_hex(content.data[:_HEX_BYTES])), words, cut=content.size > _HEX_BYTES
        )
    lines = lines_of(text)
    cut = len(lines) > _MOST_LINES or not content.whole
    if not content.size:
        return _told("text", 0, [], "an empty file")
    words = f"{size}, the beginning" if cut else size
    return _told("text", content.size, [_line(line) for line in lines[:_MOST_LINES]], words, cut=cut)


_KINDS = {"d": "a directory", "p": "a named pipe", "c": "a character device", "b": "a block device"}


def _told(kind: str, size: int, lines: Sequence[str], words: str, *, cut: bool = False) -> dict[str, Any]:
    return {"type": kind, "size": size, "lines": list(lines), "cut": cut, "words": words}


def difference(before: Content | None, after: Content | None) -> dict[str, Any]:
    """How a file changed; None for a side where nothing stands.

    Returns:
        ``{"type": "text", "lines": [{"op", "old", "new", "text"}], "cut", "words"}``: ``op`` is ``" "``, ``"-"``, ``"+"``, or ``"@"``
        where lines are left out; or ``{"type": "none", "words"}`` where no text can be compared.
    """
    if before is not None and after is not None and before.kind != after.kind:
        return {"type": "none", "words": "it was another kind of file"}
    if max(c.size for c in (before, after, Content(kind="-", size=0, data=b"")) if c) > COMPARED_BYTES:
        return {"type": "none", "words": f"too large to compare, {_sizes(before, after)}"}
    old, new = text_of(before), text_of(after)
    if old is None or new is None:
        return {"type": "none", "words": f"binary, {_sizes(before, after)}"}
    if old == new:
        return {"type": "none", "words": "the content is the same"}
    rows = list(_rows(lines_of(old), lines_of(new)))
    if not rows:
        return {"type": "none", "words": "only the line ends differ"}
    return {
        "type": "text",
        "lines": rows[:_MOST_DIFF_LINES],
        "cut": len(rows) > _MOST_DIFF_LINES,
        "words": _sizes(before, after),
    }


def text_of(content: Content | None) -> str | None:
    """The text that the bytes are in UTF-8; "" for no file, None for bytes that are none. The last character may be cut."""
    if content is None:
        return ""
    if b"\0" in content.data:
        return None
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(content.data, final=content.whole)
    except UnicodeDecodeError:
        return None


def lines_of(text: str) -> list[str]:
    """Lines as an editor counts them: what else ends a line for Python is shown in it."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    return lines[:-1] if not lines[-1] else lines


def _sizes(before: Content | None, after: Content | None) -> str:
    return " → ".join("nothing" if content is None else decimal_size(content.size) for content in (before, after))


def _rows(old: list[str], new: list[str]) -> Iterator[dict[str, Any]]:
    old, new = old[:_COMPARED_LINES], new[:_COMPARED_LINES]
    first = True
    for group in difflib.SequenceMatcher(None, old, new).get_grouped_opcodes(3):
        if not first or group[0][1] > 0 or group[0][3] > 0:
            yield {"op": "@", "old": group[0][1] + 1, "new": group[0][3] + 1, "text": ""}
        first = False
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                for step in range(i2 - i1):
                    yield {"op": " ", "old": i1 + step + 1, "new": j1 + step + 1, "text": _line(old[i1 + step])}
                continue
            yield from ({"op": "-", "old": i + 1, "new": None, "text": _line(old[i])} for i in range(i1, i2))
            yield from ({"op": "+", "old": None, "new": j + 1, "text": _line(new[j])} for j in range(j1, j2))


def _line(text: str) -> str:
    shown_text = visible(text.expandtabs(8))
    return shown_text if len(shown_text) <= _LONGEST_LINE else f"{shown_text[:_LONGEST_LINE]}…"


def _hex(data: bytes) -> Iterator[str]:
    for offset in range(0, len(data), _HEX_ROW):
        row = data[offset : offset + _HEX_ROW]
        letters = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)  # noqa: PLR2004 - printable ASCII
        yield f"{offset:08x}  {row.hex(' '):<{3 * _HEX_ROW - 1}}  {letters}"
