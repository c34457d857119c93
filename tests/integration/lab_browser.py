"""A JupyterLab or Notebook server of a test's own, and a page of Debian's Chromium on it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import pytest

CHROMIUM = shutil.which("chromium")
ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "dockmagic" / "labextension"
NAME = "dockmagic-labextension"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
IDLE = "document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status === 'idle'"
# What no reader may ever see; sampled on every painted frame.
SPY = """(() => {
  const bad = /Loading widget|Error displaying widget|Error creating widget|model not found|javascript error/i;
  window.seen = [];
  const look = () => {
    for (const output of document.querySelectorAll('.jp-OutputArea-output')) {
      const found = bad.exec(output.innerText || '');
      if (found && window.seen.length < 20) window.seen.push(found[0]);
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})()"""
# What the prompt of a cell shows. The number may be the same before and after, in a new kernel; JupyterLab may make the prompt anew.
PROMPTS = """
window.promptOf = index =>
  document.querySelectorAll('.jp-Notebook .jp-CodeCell')[index]?.querySelector('.jp-InputPrompt')?.textContent ?? '';
"""
STARTS = """index => {
  window.began = false;
  window.beginning?.disconnect();
  window.beginning = new MutationObserver(() => { window.began ||= promptOf(index).includes('*'); });
  window.beginning.observe(document.querySelector('.jp-Notebook'), {childList: true, subtree: true, characterData: true});
}"""
ENDED = r"index => /\[\d+\]/.test(promptOf(index))"
TOKEN = "token"


@dataclass(kw_only=True)
class Server:
    """A running server.

    Attributes:
        root: the directory with the notebooks.
        env: what its processes run with.
    """

    address: str
    root: Path
    env: dict[str, str]

    def lab(self, notebook: str) -> str:
        return f"{self.address}/lab/tree/{notebook}?token={TOKEN}&reset"

    def notebook7(self, notebook: str) -> str:
        return f"{self.address}/notebooks/{notebook}?token={TOKEN}"

    def write(self, name: str, cells: list[Any], *, kernel: str = "python3", trusted: bool = False) -> Path:
        """A notebook of cells: texts, or values of nbformat."""
        made = [cell if not isinstance(cell, str) else nbformat.v4.new_code_cell(cell) for cell in cells]
        notebook = nbformat.v4.new_notebook(cells=made)
        # JupyterLab finds a kernel by its language too.
        language = "python" if kernel == "python3" else kernel
        notebook.metadata.kernelspec = {"name": kernel, "display_name": kernel, "language": language}
        path = self.root / name
        nbformat.write(notebook, path)
        if trusted:
            command = [sys.executable, "-m", "jupyter", "trust", str(path)]
            subprocess.run(command, env=self.env, check=True, capture_output=True)
        return path


@dataclass(kw_only=True)
class Page:
    """A browser page that notes what must not happen."""

    page: Any
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def open(self, address: str) -> Page:
        self.page.goto(address)
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        return self

    def kernel(self) -> Page:
        """Waits for a kernel that answers."""
        self.page.wait_for_function(IDLE, timeout=60_000)
        with contextlib.suppress(Exception):
            self.page.wait_for_selector("text=| Idle", timeout=10_000)
        return self

    def cell(self, index: int) -> Any:
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(index)

    def type(self, index: int, text: str) -> Page:
        """Replaces a cell's text, as if pasted."""
        self.cell(index).locator(".cm-content").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)
        return self

    def run(self, index: int, *, error: bool = False) -> Page:
        """Runs a cell and waits for its end."""
        self.start(index)
        self.page.wait_for_function(ENDED, arg=index, timeout=120_000)
        self.page.wait_for_function(IDLE, timeout=60_000)
        if not error:
            assert self.cell(index).locator('[data-mime-type="application/vnd.jupyter.error"]').count() == 0
        return self

    def start(self, index: int) -> Page:
        """Runs a cell and waits until it has begun."""
        self.page.evaluate(STARTS, index)
        for _ in range(4):  # a key that comes while JupyterLab moves the focus is lost
            self.cell(index).locator(".cm-content").click()
            self.page.keyboard.press("Control+Enter")
            if self._comes(lambda: self.page.evaluate("window.began"), 25):
                return self
        pytest.fail(f"cell {index} did not begin")

    def runs(self, index: int) -> bool:
        """The cell has begun and not ended."""
        return self.cell(index).locator(".jp-InputPrompt").inner_text() == "[*]:"

    def interrupt(self, index: int) -> Page:
        """Ends a cell that runs."""
        self.palette("Interrupt Kernel")
        self.page.wait_for_function(ENDED, arg=index)
        return self

    def palette(self, words: str) -> Page:
        """A command, by the keyboard."""
        shown = self.page.locator(".lm-CommandPalette-input")
        self.page.keyboard.press("Escape")
        for _ in range(5):  # a key that comes while JupyterLab moves the focus is lost
            self.page.keyboard.press("Control+Shift+C")
            if self._comes(shown.is_visible, 5):
                break
        shown.wait_for(state="visible")
        self.page.keyboard.insert_text(words)
        self.page.wait_for_selector(".lm-CommandPalette-item.lm-mod-active")
        self.page.keyboard.press("Enter")
        return self

    def _comes(self, what: Callable[[], bool], seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not what():
            if time.monotonic() > end:
                return False
            self.page.wait_for_timeout(50)
        return True

    def panel(self) -> Any:
        """Opens the panel of images and containers."""
        panel = self.page.locator("#dockmagic-panel")
        if not panel.is_visible():
            self.page.locator('.lm-TabBar-tab[data-id="dockmagic-panel"]').click()
        panel.wait_for(state="visible")
        return panel

    def axe(self, selector: str) -> list[str]:
        """Violations that axe-core finds inside an element."""
        script = ROOT / "labextension" / "node_modules" / "axe-core" / "axe.min.js"
        if not script.is_file():
            pytest.skip("axe-core is not installed: run jlpm install in labextension")
        self.page.evaluate(script.read_text())
        found = self.page.evaluate("async at => (await axe.run(at)).violations", selector)
        return [f"{each['id']}: {node['html']}: {node['failureSummary']}" for each in found for node in each["nodes"]]

    def words(self) -> str:
        """What a reader sees, for who reads of a failed test."""
        with contextlib.suppress(Exception):
            return str(self.page.evaluate("document.body.innerText"))[:4000]
        return "the page does not answer"

    def shot(self, name: str) -> None:
        """A picture, where somebody asks for them."""
        directory = os.environ.get("DOCKMAGIC_SCREENSHOTS")
        if directory:
            self.page.screenshot(path=str(Path(directory) / f"{name}.png"))

    def clean(self) -> None:
        """Nothing that must not happen has happened; a page that was never opened, as in a test that is skipped, had no chance."""
        if self.page.url == "about:blank":
            return
        assert self.page.evaluate("window.seen") == []
        assert self.foreign == []
        assert self.errors == []


@contextlib.contextmanager
def serving(
    tmp_path: Path,
    *,
    module: str = "jupyterlab",
    python: str = sys.executable,
    theme: str = "",
    subshells: bool = True,
) -> Iterator[Server]:
    """A server on its own directories; the extension is the committed bundle."""
    root = tmp_path / "root"
    root.mkdir(exist_ok=True)
    env = {**os.environ, "DOCKMAGIC_HOME": str(tmp_path / "store"), "PYTHONPATH": str(ROOT)}
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        env[name] = str(tmp_path / name.lower())
    # Else the copy of the extension that pip once put into the environment stands before the bundle.
    env["JUPYTER_PREFER_ENV_PATH"] = "0"
    env["JUPYTERLAB_SETTINGS_DIR"] = str(tmp_path / "settings")
    _settings(tmp_path / "settings", theme, subshells)
    env["JUPYTERLAB_WORKSPACES_DIR"] = str(tmp_path / "workspaces")
    extensions = tmp_path / "jupyter_data_dir" / "labextensions"
    extensions.mkdir(parents=True, exist_ok=True)
    if not (extensions / NAME).exists():
        shutil.copytree(BUNDLE, extensions / NAME)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [python, "-m", module, "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    command += ["--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={root}"]
    address = f"http://127.0.0.1:{port}"
    with (
        (tmp_path / "server.log").open("ab") as log,
        subprocess.Popen(command, env=env, stdout=log, stderr=log) as server,
    ):
        try:
            _wait_for(f"{address}/api/status?token={TOKEN}", server)
            yield Server(address=address, root=root, env=env)
        except BaseException as error:
            error.add_note(f"The server said:\n{(tmp_path / 'server.log').read_text(errors='replace')[-4000:]}")
            raise
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()


def _settings(directory: Path, theme: str, subshells: bool) -> None:
    """No questions about news; a theme; what completion offers is explained."""
    wanted: dict[str, dict[str, Any]] = {
        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
        "completer-extension/manager": {"showDocumentationPanel": True},
    }
    if not subshells:
        wanted["apputils-extension/kernels-settings"] = {"commsOverSubshells": "disabled"}
    if theme:
        wanted["apputils-extension/themes"] = {"theme": theme}
    for name, values in wanted.items():
        path = directory / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))


def _wait_for(address: str, server: subprocess.Popen) -> None:
    for _ in range(300):
        assert server.poll() is None, "the server ended"
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail("the server did not answer")


@contextlib.contextmanager
def browsing(address: str, *, scheme: str = "light") -> Iterator[Page]:
    """A page that lets nothing but ``address`` through."""
    with pytest.importorskip("playwright.sync_api").sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(ARGUMENTS))
        page = browser.new_page(viewport={"width": 1180, "height": 900}, color_scheme=scheme)
        page.add_init_script(SPY)
        page.add_init_script(PROMPTS)
        seen = Page(page=page)
        local = (address, address.replace("http", "ws", 1), "data:", "blob:")
        page.on("request", lambda request: None if request.url.startswith(local) else seen.foreign.append(request.url))
        page.on("pageerror", lambda error: seen.errors.append(str(error)))
        try:
            yield seen
        except BaseException as error:
            error.add_note(f"On the page stood:\n{seen.words()}")
            raise
        finally:
            browser.close()
