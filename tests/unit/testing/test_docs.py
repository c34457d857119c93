from __future__ import annotations

import re
from pathlib import Path

import dockmagic.testing

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "testing.md").read_text("utf-8")


def test_the_page_names_everything_public():
    assert [name for name in dockmagic.testing.__all__ if f"`{name}(" not in PAGE and f", `{name}(" not in PAGE] == []


def test_the_pages_examples_pass(tmp_path):
    examples = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    names: dict = {}
    exec(compile("".join(examples), "docs/testing.md", "exec"), names)
    for name in ("test_a_receipt_is_found", "test_the_bread_is_good"):
        names[name](tmp_path / name)
