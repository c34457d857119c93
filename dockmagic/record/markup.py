"""The record as HTML: inline styles only, and still a readable table with every style removed.

Every property and value is one that JupyterLab's sanitiser lets through, so that an untrusted notebook looks the same.
Text inherits the page's colour: none passes 4.5:1 on white and on black. Tables set all that their hosts style.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape as quoted

from dockmagic.record.columns import keep_tail
from dockmagic.record.model import Change, Changes, Drawn, Fold, Group, Line, Record
from dockmagic.record.scale import GIBIBYTE, edge_tenths
from dockmagic.record.words import (
    CHANGED,
    NO_SLAB,
    UNNAMED,
    changes_title,
    container_label,
    fold_line,
    image_line,
    no_layers,
    numbers,
    slabs,
    subject,
)

_FACE = "rgba(120,140,165,.20)"
_EDGE = "#8190a2"
_BASE = "#66758a"
_RED = "#c8372d"
_CHIPS = {"A": "#0f7b45", "C": "#745ad6", "D": _RED}
_MONOSPACE = "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"
_QUIET = "opacity:.78"
_SIGNS = {"good": "✓ ", "bad": "✕ ", "open": "● ", "": ""}
_PATH_COLUMNS = 28
_ROW = '<tr style="background:none">'
# A closed lock of two boxes, with the word for those who see no boxes.
_LOCK = (
    '<span style="display:inline-block;width:10px;line-height:0;text-align:center;margin-top:-4px;vertical-align:middle"'
    ' title="read-only"><span style="font-size:0">read-only</span><span style="display:inline-block;'
    'box-sizing:border-box;width:6px;height:5px;border:1px solid;border-bottom:0;border-radius:3px 3px 0 0"></span>'
    '<span style="display:block;width:10px;height:0;border-top:6px solid;border-radius:1px"></span></span>'
)


def draw(record: Record) -> str:
    """The whole record: one ``div``."""
    rows = "".join(_rows(record))
    table = (
        '<table style="border-collapse:separate;border-spacing:0 2px;border:0;width:100%;table-layout:fixed;margin:0;'
        'font-size:12px"><colgroup><col width="26" style="width:26px"><col>'
        '<col width="92" style="width:92px"><col width="74" style="width:74px"></colgroup>'
        f"<tbody>{rows}</tbody></table>"
    )
    return (
        '<div style="max-width:760px;font-size:12.5px;line-height:18px;margin:2px 0">'
        f"{_header(record)}{table if rows else ''}{_foot(record)}</div>"
    )


def _header(record: Record) -> str:
    words = _SIGNS[record.verdict.mark] + record.verdict.words if record.verdict.words else subject(record)
    verdict = '<b style="border:1px solid;border-radius:3px;padding:0 5px;white-space:nowrap">'
    parts = [f"{verdict}{quoted(words)}</b>"]
    parts += [f"<b>{_name(name)}</b>" for name in record.names]
    if record.container:
        parts.append(f'<span style="{_QUIET}">{container_label(record)}</span> <b>{_name(record.container)}</b>')
    return f'<div style="margin:0 0 4px">{"&ensp;".join(parts)}</div>'


def _name(name: str) -> str:
    return f"<bdi>{quoted(name)}</bdi>"


def _foot(record: Record) -> str:
    foot = ""
    if record.totals is not None:
        note = ""
        if record.slabs and record.totals.layers:
            varies = record.totals.host or record.totals.run
            note = "edge height: cube root of size" + (", dotted where it varies" if varies else "")
            note = f'&ensp;<span style="font-size:11px;{_QUIET}">{note}</span>'
        foot = (
            f'<div style="border-top:2px solid {_BASE};padding-top:2px;line-height:17px"><b>Image</b> &ndash; '
            f"{image_line(record.totals)}{note}</div>"
        )
    warnings = (f'<div style="line-height:17px"><b>warning</b> {quoted(text)}</div>' for text in record.warnings)
    return foot + "".join(warnings)


def _rows(record: Record) -> Iterator[str]:
    if record.changes is not None:
        yield _changes(record.changes)
    for line in slabs(record):
        yield _row(line)
    if record.slabs and record.totals is not None and not record.totals.layers:
        yield _wide(f"border:1px solid {_EDGE};padding:1px 8px", no_layers(record))


def _wide(style: str, content: str) -> str:
    """A row of one cell."""
    shape = "text-align:left;vertical-align:top;white-space:normal;background-color:transparent"
    return f'{_ROW}<td colspan="4" style="{shape};{style}">{content}</td></tr>'


def _changes(changes: Changes) -> str:
    title = f"<b>{changes_title(changes)}</b>{' &ndash; writable' if changes.writable else ''}"
    if changes.paths:
        counts = (f"{_chip(kind)} {changes.count(kind):,} {word}" for kind, word in CHANGED)
        title = f"{title} {'&thinsp; '.join(counts)}"
    cells = [_path(change) for change in changes.shown]
    if more := len(changes.paths) - len(changes.shown):
        cells.append(
            f'<div style="display:inline-block;vertical-align:top;font-size:11.5px;line-height:17px">+ {more:,} more</div>'
        )
    if not changes.paths:
        cells.append(f'<div style="line-height:18px;{_QUIET}">{changes.nothing}</div>')
    # Open at the top: things can still be put in. A list that is no writable layer is closed.
    if changes.writable:
        box = "border:1.5px dashed #a8761a;border-top:0;border-radius:0 0 3px 3px;background-color:rgba(214,160,50,.10)"
    else:
        box = f"border:1px solid {_EDGE};border-radius:2px"
    return _wide(f"{box};padding:2px 8px 4px", f'<div style="line-height:20px">{title}</div>{" ".join(cells)}')


def _chip(kind: str) -> str:
    return (
        f'<b style="display:inline-block;background-color:{_CHIPS[kind]};color:#fff;border-radius:3px;padding:0 4px;'
        f'font-size:10.5px;line-height:14px;{_MONOSPACE}">{kind}</b>'
    )


def _path(change: Change) -> str:
    struck = ";text-decoration:line-through" if change.kind == "D" else ""
    return (
        '<div style="display:inline-block;box-sizing:border-box;width:32.8%;min-width:196px;padding-right:6px;'
        'overflow:hidden;text-overflow:ellipsis;white-space:nowrap;vertical-align:top;line-height:17px">'
        f'{_chip(change.kind)} <span style="{_MONOSPACE};font-size:11.5px{struck}" title="{quoted(change.path)}">'
        f"<bdi>{quoted(keep_tail(change.path, _PATH_COLUMNS, '…'))}</bdi></span></div>"
    )


def _row(line: Drawn) -> str:
    match line:
        case Fold():
            shape = f"border:0;border-top:3px double {_EDGE};border-bottom:3px double {_EDGE};padding:0 8px"
            return _wide(f"{shape};text-align:center", fold_line(line.totals))
        case Group():
            return _hairline(f"{line.count} settings", "no layer")
        case Line(kind="layer"):
            return _slab(line)
        case Line(kind="failed"):
            words = f"✕ failed, line {line.number}" if line.number else "✕ failed"
            return _outlined(f"border:1.5px solid {_RED};background-color:rgba(200,55,45,.10)", line, f"<b>{words}</b>")
        case Line(kind="not run"):
            return _outlined(f"border:1px dotted {_EDGE};{_QUIET}", line, "not run")
        case Line():
            return _hairline(_instruction(line.instruction), NO_SLAB[line.kind])


def _instruction(text: str) -> str:
    keyword, blank, rest = text.partition(" ")
    strong = f"<b>{quoted(keyword)}</b>{blank}" if keyword.isascii() and keyword.isupper() else quoted(keyword + blank)
    shown = f"<bdi>{strong}{quoted(rest)}</bdi>" if text else UNNAMED
    return f'<span style="{_MONOSPACE};font-size:11.5px" title="{quoted(text)}">{shown}</span>'


def _edge(line: Line) -> str:
    """The front edge: as high as the layer is large; of a fixed height, and dotted, where that varies."""
    if line.origin != "counted":
        return f"border:0;border-bottom:4px dotted {_EDGE}"
    if line.size > GIBIBYTE:
        return f"border:0;border-bottom:17px double {_EDGE}"
    tenths = edge_tenths(line.size)
    return f"border:0;border-bottom:{tenths // 10}.{tenths % 10}px solid {_EDGE}" if tenths else "border:0"


def _slab(line: Line) -> str:
    shape = f"{_edge(line)};line-height:18px;vertical-align:middle;background-color:{_FACE}"
    files, size = numbers(line)
    right = f"{shape};text-align:right;white-space:nowrap;padding:0 8px"
    if files:
        told = f'<td style="{right};font-size:11.5px">{files}</td><td style="{right}">{size}</td>'
    else:
        told = f'<td colspan="2" style="{right};font-size:11.5px">{size}</td>'
    return (
        f'{_ROW}<td style="{shape};text-align:left;padding:0 0 0 8px">{_LOCK}</td>'
        f'<td style="{shape};text-align:left;padding:0 8px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap">'
        f"{_instruction(line.instruction)}</td>{told}</tr>"
    )


def _hairline(left: str, words: str) -> str:
    """A line without a layer: no face, no edge."""
    shape = f"border:0;border-bottom:1px solid {_FACE};background-color:transparent;line-height:16px"
    return (
        f'{_ROW}<td style="{shape};padding:0;text-align:left"></td>'
        f'<td style="{shape};text-align:left;padding:0 8px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap">'
        f'<span style="{_QUIET}">{left}</span></td>'
        f'<td colspan="2" style="{shape};text-align:right;padding:0 8px;white-space:nowrap;font-size:11px">'
        f'<span style="{_QUIET}">{words}</span></td></tr>'
    )


def _outlined(style: str, line: Line, words: str) -> str:
    """An instruction of a failed build that made nothing."""
    content = (
        f'{_instruction(line.instruction)} <span style="float:right;padding-left:8px;font-size:11.5px">{words}</span>'
    )
    return _wide(f"{style};border-radius:2px;padding:1px 8px 1px 34px", content)
