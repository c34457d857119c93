"""The oldest front end that the extension promises: JupyterLab 4.4.9 with the kernel that repo2docker puts beside it."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest

from tests.integration.lab_browser import CHROMIUM, ROOT, browsing, serving

pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"), pytest.mark.slow]

PINS = ("jupyterlab==4.4.9", "ipykernel==7.0.1", "ipywidgets==8.1.7")
UNREACHED = ("Failed to establish a new connection", "Name or service not known", "No matching distribution found")
BREAD = """%%container -t bread:1 --name fish1
FROM localhost/base
COPY <<EOF /filling
red bean
EOF
---
echo more >> /filling
"""
BUSY = "import time\nwhile True:\n    time.sleep(0.1)"


@pytest.fixture
def python(tmp_path):
    """An environment with these versions and what dockmagic itself asks for; dockmagic is taken from where it stands."""
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    place = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    pip = [place / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
    done = subprocess.run([*pip, *PINS, *needed], capture_output=True, text=True, check=False, timeout=300)
    if done.returncode and any(words in done.stderr for words in UNREACHED):
        pytest.skip(f"the package index cannot be reached: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return str(place / "bin" / "python")


@pytest.mark.timeout(400)
def test_cells_have_colours_records_become_widgets_and_both_answer_while_a_cell_runs(tmp_path, python):
    with serving(tmp_path, python=python) as server, browsing(server.address) as page:
        server.write("oldest.ipynb", ["%load_ext dockmagic", BREAD, BUSY])
        page.open(server.lab("oldest.ipynb")).kernel()
        assert (
            page.page.evaluate("JSON.parse(document.getElementById('jupyter-config-data').textContent).appVersion")
            == "4.4.9"
        )
        page.cell(1).locator(".tok-keyword", has_text="FROM").wait_for()
        page.run(0).run(1)
        page.page.locator(".dml-record[data-state=live]").wait_for()
        page.start(2)
        shown = page.cell(1).locator(".dockmagic-widget")
        shown.locator('[role="treeitem"]', has_text="filling").click()
        shown.locator(".dm-plus", has_text="more").wait_for()
        page.panel().locator(".dml-row", has_text="fish1").wait_for()
        assert page.runs(2)
        page.shot("labextension-oldest")
        page.interrupt(2)
        page.clean()
