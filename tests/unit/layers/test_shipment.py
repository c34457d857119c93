from __future__ import annotations

import io

import pytest

from dockmagic.errors import ArchiveError
from dockmagic.layers.shipment import BATCH, arrivals
from dockmagic.oci.changeset import Entry
from tests.unit.layers.given import file, shipment_of

ROWS = [Entry(path="d", type="dir"), file("d/a", b"a" * 3000), file("d/empty", b""), file("d/\udcff", b"b")]


def received(data):
    return [(entry, b"".join(content or ())) for entry, content in arrivals(io.BytesIO(data))]


def test_what_is_sent_arrives():
    assert received(shipment_of(*ROWS)) == [row if isinstance(row, tuple) else (row, b"") for row in ROWS]
    assert received(shipment_of()) == []


def test_content_that_nobody_reads_is_skipped():
    assert [entry.path for entry, _ in arrivals(io.BytesIO(shipment_of(*ROWS)))] == ["d", "d/a", "d/empty", "d/\udcff"]


@pytest.mark.parametrize("length", [0, 4, 20, 200, 1000, -1, -9])
def test_one_that_ends_too_early_is_an_error(length):
    with pytest.raises(ArchiveError, match="ends too early"):
        received(shipment_of(*ROWS)[:length])


def test_a_batch_is_small_enough_for_any_memory():
    assert BATCH <= 10_000
