from __future__ import annotations

import re
from pathlib import Path

import dockmagic.testing

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "testing.md").read_text("utf-8")


def test_the_page_names_everything_public():
    assert [name for name in dockmagic.testing.__all__ if f"`{name}(" not in PAGE and f", `{name}(" not in PAGE] == []


def test_the_pages_example_passes(tmp_path):
    (example,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    names: dict = {}
    exec(compile(example, "docs/testing.md", "exec"), names)
    names["test_a_receipt_is_found"](tmp_path)
