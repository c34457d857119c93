from __future__ import annotations

from pathlib import Path

from dockmagic.magics import help as texts
from dockmagic.magics.verbs import CELL_VERBS, LINE_VERBS

PAGE = Path(__file__).resolve().parents[3] / "docs" / "magics.md"


def test_the_reference_page_says_what_the_tables_say():
    written = PAGE.read_text("utf-8").partition("## Reference\n\n")[2]
    assert written == texts.reference(), f"docs/magics.md should end with:\n\n{texts.reference()}"


def test_the_help_fits_a_page():
    assert len(texts.overview().splitlines()) == len(CELL_VERBS) + len(LINE_VERBS) + 2
    for verb in (*CELL_VERBS, *LINE_VERBS):
        assert all(len(line) <= 120 for line in texts.usage(verb).splitlines())
