from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import sync_playwright

CHROMIUM = shutil.which("chromium")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
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


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A JupyterLab server of its own on a notebook with CELLS; yields the notebook's address."""
    port, token = _free_port(), "token"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in CELLS])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    root = tmp_path / "root"
    root.mkdir()
    nbformat.write(notebook, root / "bread.ipynb")
    env = {**os.environ, "DOCKMAGIC_HOME": str(tmp_path / "store")}
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        env[name] = str(tmp_path / name.lower())
    env["JUPYTERLAB_SETTINGS_DIR"] = env["JUPYTERLAB_WORKSPACES_DIR"] = str(tmp_path / "lab")
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    command += ["--ServerApp.port_retries=0", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={root}"]
    with (
        (tmp_path / "server.log").open("wb") as log,
        subprocess.Popen(command, env=env, stdout=log, stderr=log) as server,
    ):
        try:
            _wait_for(f"http://127.0.0.1:{port}/api/status?token={token}", server)
            yield f"http://127.0.0.1:{port}/lab/tree/bread.ipynb?token={token}&reset"
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _wait_for(address: str, server: subprocess.Popen) -> None:
    for _ in range(300):
        assert server.poll() is None, "the server ended"
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail("JupyterLab did not answer")


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_cell_runs_in_jupyterlab_and_its_record_is_drawn(lab, tmp_path):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(ARGUMENTS))
        page = browser.new_page(viewport={"width": 1100, "height": 900})
        page.goto(lab)
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
        browser.close()
