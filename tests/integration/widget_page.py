"""The widget's front end in a page of its own: no Jupyter, a function of the test in the kernel's place."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from importlib.resources import files

from playwright.sync_api import sync_playwright

CHROMIUM = shutil.which("chromium")
MODEL = """summary => {
  const heard = [], changed = [];
  const model = {
    get: name => (name === 'view' ? 'record' : summary),
    set: (name, value) => { summary = value; changed.forEach(call => call()); },
    on: (event, call) => (event === 'msg:custom' ? heard : changed).push(call), off: () => undefined,
    send: message => window.ask(message).then(reply => heard.forEach(call => call(reply))),
  };
  window.end = window.widget.render({ model, el: document.body });
}"""


@contextmanager
def drawn(summary, answer):
    """A page with the widget of a summary; ``answer(method, params)`` gives results.

    Yields it, and what it asked for and said by itself: addresses, dialogs.
    """
    static = files("dockmagic.widgets").joinpath("static")
    asked = []

    def ask(message):
        return {"id": message["id"], "result": answer(message["method"], message["params"])}

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1180, "height": 900})
        page.on("request", lambda request: asked.append(request.url))
        page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
        page.expose_function("ask", ask)
        page.add_style_tag(content=static.joinpath("widget.css").read_text("utf-8"))
        code = static.joinpath("widget.js").read_text("utf-8").replace("export default", "window.widget =")
        page.add_script_tag(content=code, type="module")
        page.wait_for_function("window.widget")
        page.evaluate(MODEL, summary)
        try:
            yield page, asked
        finally:
            browser.close()
