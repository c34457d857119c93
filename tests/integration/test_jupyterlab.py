from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.integration.lab_browser import CHROMIUM, browsing, serving

BREAD = """%%container -t bread:1
FROM localhost/base
RUN mkdir /oven && echo hot > /oven/state
COPY <<EOF /filling
red bean
EOF
---
cat /filling
echo eaten > /note
rm /filling
"""
CELLS = ("%load_ext dockmagic", BREAD, "%%container run bread:1\nexit 3")


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_cell_runs_in_jupyterlab_and_its_record_is_drawn(tmp_path):
    with serving(tmp_path) as server, browsing(server.address) as seen:
        server.write("bread.ipynb", list(CELLS))
        page = seen.page
        page.goto(server.lab("bread.ipynb"))
        page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', timeout=60_000)
        page.wait_for_selector("text=| Idle", timeout=60_000)
        page.click("text=Run >> nth=0")
        page.click('li[data-command="runmenu:run-all"]')
        page.wait_for_selector("text=[3]:", timeout=120_000)
        page.wait_for_selector("text=RunError", timeout=60_000)
        text = page.inner_text(".jp-Notebook")
        for shown in ("red bean", "Container layer", "writable", "/note", "/filling", "read-only", "exit 0", "exit 3"):
            assert shown in text, shown
        assert "Traceback" not in text
        picture = Path(os.environ.get("DOCKMAGIC_SCREENSHOT") or tmp_path / "record.png")
        page.screenshot(path=str(picture))
        assert picture.stat().st_size > 10_000
