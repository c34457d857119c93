"""The MIME bundle of a result: ``data`` that is the same everywhere, ``metadata`` with the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dockmagic.record import markup, text
from dockmagic.record.document import document
from dockmagic.record.metadata import metadata
from dockmagic.record.reading import Result, read

MIME = "application/vnd.dockmagic.run+json"


def bundle(
    result: Result, *, names: Sequence[str] | None = None, key: str = ""
) -> tuple[dict[str, Any], dict[str, Any]]:
    """``data`` and ``metadata`` for one ``display_data``.

    ``data`` is byte-identical on every machine, at every tier and for every run of the same cell; ``docs/record.md``
    states its schema.

    Args:
        result: what a verb returned.
        names: the image's names as the cell gave them; None takes those that the result was asked for by.
        key: by which our views ask for the live model of this record.
    """
    record = read(result, names)
    data = {"text/plain": text.draw(record), "text/html": markup.draw(record), MIME: document(record)}
    return data, {MIME: metadata(result, key)}
