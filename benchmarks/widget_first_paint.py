"""How soon the widget shows an image of 100,000 files, in Chromium, with the kernel's part measured apart.

    python benchmarks/widget_first_paint.py [FILES]

The image is stored for real (its files lie in a temporary directory while this runs), the view model and the front end are the product's; only
Jupyter's transport is left out: the page calls the view model directly.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from dockmagic.engine.engine import Engine
from dockmagic.lab.registry import Registry, Subject
from dockmagic.lab.source import EngineSource
from dockmagic.testing import RecordingRuntime, add_image, open_store
from dockmagic.widgets.explorer import Explorer

PAINT = """async summary => {
  const painted = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  const found = (select, wanted) => new Promise(done => {
    const look = () => wanted(document.querySelector(select)) ? done() : requestAnimationFrame(look);
    look();
  });
  const heard = [];
  const model = {
    get: name => (name === 'view' ? 'record' : summary), set: () => undefined,
    on: (event, call) => event === 'msg:custom' && heard.push(call), off: () => undefined,
    send: message => window.ask(message).then(reply => heard.forEach(call => call(reply))),
  };
  const times = {};
  let begin = performance.now();
  const lap = name => { times[name] = performance.now() - begin; begin = performance.now(); };
  window.widget.render({ model, el: document.body });
  await painted();
  lap('first paint');
  await found('[role=treeitem]', Boolean);
  lap('first rows of the newest layer');
  document.querySelectorAll('[role=tab]')[1].click();
  await found('[role=tabpanel]:nth-of-type(4) [role=treeitem]', Boolean);
  lap('first rows of the whole image');
  const pane = document.querySelectorAll('[role=tabpanel]')[1];
  pane.querySelector('[role=treeitem]').click();
  await found('[role=tabpanel]:nth-of-type(4) [aria-level="2"]', row => row && row.getAttribute('aria-label') !== 'loading');
  lap('a folder of all files opens');
  const tree = pane.querySelector('[role=tree]');
  tree.scrollTop = tree.scrollHeight / 2;
  await found('[role=tabpanel]:nth-of-type(4) [aria-level="2"]', row => row && row.getAttribute('aria-label') !== 'loading' && Number(row.getAttribute('aria-posinset')) > 1000);
  lap('its middle is scrolled to');
  const box = pane.querySelector('input');
  box.value = '*99.txt';
  box.dispatchEvent(new Event('input'));
  await found('[role=tabpanel]:nth-of-type(4) [role=status]', status => status.textContent.includes('match'));
  lap('a filter finds 1 in 100 (with 150 ms of patience)');
  times.rows = pane.querySelectorAll('[role=treeitem]').length;
  return times;
}"""


def image(home: Path, count: int) -> None:
    store = open_store(home)
    many: dict[str, bytes | dict[str, Any]] = {f"data/{number:06}.txt": b"%d" % number for number in range(count)}
    add_image(store, many, {"top": b"1"}, name="large:1")


def timed(name: str, call: Callable[[], Any]) -> Any:
    begin = time.perf_counter()
    found = call()
    print(f"{1000 * (time.perf_counter() - begin):8.0f} ms  kernel: {name}")
    return found


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    directory = Path(tempfile.mkdtemp(prefix="dockmagic-widget-"))
    try:
        image(directory, count)
        engine = Engine(directory, runtime=RecordingRuntime(directory))
        subject = Subject(key="", result=engine.inspect("large:1"))
        source = EngineSource(engine, subject, Registry())
        summary = timed("summary", lambda: source.summary().to_json())
        # A tree is made once for each widget; the page below uses the widget's own.
        timed("tree of the large layer", lambda: source.tree("0"))
        page_times(Explorer(source), summary)
    finally:
        shutil.rmtree(directory)


def page_times(explorer: Explorer, summary: dict[str, Any]) -> None:
    def ask(message: dict[str, Any]) -> dict[str, Any]:
        return {"id": message["id"], "result": explorer.answer(message["method"], message["params"])}

    static = files("dockmagic.widgets").joinpath("static")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), headless=True, args=arguments)
        page = browser.new_page(viewport={"width": 1180, "height": 900})
        page.expose_function("ask", ask)
        page.add_style_tag(content=static.joinpath("widget.css").read_text("utf-8"))
        code = static.joinpath("widget.js").read_text("utf-8").replace("export default", "window.widget =")
        page.add_script_tag(content=code, type="module")
        page.wait_for_function("window.widget")
        for name, found in page.evaluate(PAINT, summary).items():
            print(f"{found:8.0f}     rows in the page" if name == "rows" else f"{found:8.0f} ms  page: {name}")
        browser.close()


if __name__ == "__main__":
    main()
