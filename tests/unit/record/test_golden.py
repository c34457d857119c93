"""Each directory of ``golden`` is a case: a result, and its record as it must be.

``DOCKMAGIC_REGENERATE=1 pytest tests/unit/record/test_golden.py`` writes the records anew; look at the difference.
"""

from __future__ import annotations

import json
import os
import runpy
from pathlib import Path

import pytest

from dockmagic.record.bundle import MIME, bundle

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path.parent for path in GOLDEN.glob("*/case.py"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_record_is_as_written_down(case):
    given = runpy.run_path(str(case / "case.py"))
    data, metadata = bundle(given["RESULT"], names=given.get("NAMES"), key=given.get("KEY", ""))
    records = {
        "record.txt": data["text/plain"],
        "record.html": data["text/html"],
        "record.json": json.dumps(data[MIME], ensure_ascii=False, indent=1),
        "metadata.json": json.dumps(metadata[MIME], ensure_ascii=False, indent=1),
    }
    for name, text in records.items():
        path = case / name
        if os.environ.get("DOCKMAGIC_REGENERATE"):
            path.write_text(text + "\n", "utf-8")
        assert path.read_text("utf-8") == text + "\n"
