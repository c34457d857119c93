from __future__ import annotations

from pathlib import Path

from dockmagic.record import document

HERE = Path(__file__).parent
PAGE = (HERE.parents[2] / "docs" / "record.md").read_text("utf-8")


def test_page_shows_a_record_as_it_is_drawn():
    assert (HERE / "golden" / "run-cell" / "record.txt").read_text("utf-8") in PAGE


def test_page_names_every_key_of_the_schema():
    schema = document.schema()
    image = (f"image.{key}" for key in schema["properties"]["image"]["properties"])
    missing = [key for key in (*schema["properties"], *image) if f"`{key}`" not in PAGE and key != "image"]
    assert missing == []
