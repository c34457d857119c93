"""Records in a real JupyterLab: drawn everywhere, taken over by the live widget where there is one, harmless."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import nbformat
import pytest

from dockmagic.record.escape import visible
from tests.integration.hostile_texts import hostile_texts, published_texts
from tests.integration.lab_browser import CHROMIUM, browsing, serving

pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"), pytest.mark.slow]

MIME = "application/vnd.dockmagic.run+json"
LOAD = "%load_ext dockmagic"
BREAD = """%%container -t bread:1 --name fish1
FROM localhost/base
ENV OVEN=hot
COPY <<EOF /filling
red bean
EOF
CMD ["cat", "/filling"]
---
cat /filling
echo eaten > /note
rm /filling
"""
FAILS = "%%container build\nFROM localhost/base\nRUN echo one\nRUN echo two; exit 4\nCMD x"
# Names of elements and attributes: none of them runs, loads or leads anywhere.
DRAWN_WITH = {"aria-hidden", "aria-label", "b", "bdi", "class", "details", "div", "i", "li", "pre", "role", "s", "span"}
DRAWN_WITH |= {"strong", "style", "summary", "tabindex", "title", "ul"}
EXECUTE = """
import sys, nbformat, nbclient
notebook = nbformat.read(sys.argv[1], 4)
nbclient.NotebookClient(notebook, kernel_name="python3", allow_errors=True).execute()
nbformat.write(notebook, sys.argv[1])
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(scope="module")
def executed(server):
    """A notebook as nbclient saves it."""
    path = server.write("executed.ipynb", [LOAD, BREAD, FAILS, "%%container run bread:1\nexit 3"])
    subprocess.run([sys.executable, "-c", EXECUTE, str(path)], env=server.env, check=True, timeout=120, cwd=server.root)
    return nbformat.read(path, 4).cells


@pytest.fixture
def page(server):
    with browsing(server.address) as shown:
        yield shown
        shown.clean()


def states(page):
    return page.page.evaluate("[...document.querySelectorAll('.dml-record')].map(record => record.dataset.state)")


def wait_for_states(page, *wanted):
    text = ",".join(wanted)
    page.page.wait_for_function(
        "wanted => [...document.querySelectorAll('.dml-record')].map(record => record.dataset.state).join() === wanted",
        arg=text,
    )


def drawing(page, index=0):
    return page.page.locator(".dml-drawing").nth(index)


def assert_drawn(page):
    """The saved notebook's records are there, in words."""
    assert states(page) == ["static"] * 3
    first = drawing(page).inner_text()
    for words in (
        "✓ exit 0",
        "bread:1",
        "Container layer",
        "writable",
        "/note",
        "/filling",
        "COPY <<EOF /filling",
        "2 read-only",
    ):
        assert words in first
    assert "✕ failed, line 3" in drawing(page, 1).inner_text()
    assert "✕ exit 3" in drawing(page, 2).inner_text()


def without_kernel(page):
    page.page.locator(".jp-Dialog button", has_text="No Kernel").click()
    return page


def test_a_record_is_drawn_without_a_kernel(server, executed, page):
    server.write("nokernel.ipynb", executed, kernel="nosuch")
    page.open(server.lab("nokernel.ipynb"))
    drawing(page, 2).wait_for()
    assert_drawn(page)
    without_kernel(page)
    assert_drawn(page)
    page.shot("labextension-record")


def test_an_untrusted_record_is_drawn_and_asks_for_nothing(server, executed, page):
    server.write("untrusted.ipynb", executed)
    page.open(server.lab("untrusted.ipynb")).kernel()
    drawing(page, 2).wait_for()
    page.run(0)
    # The store knows its container and image, the kernel would give a model of them.
    page.panel().locator(".dml-row", has_text="fish1").wait_for()
    assert_drawn(page)


def test_a_trusted_record_is_drawn_before_dockmagic_is_loaded_and_taken_over_after(server, executed, page):
    server.write("trusted.ipynb", executed, trusted=True)
    page.open(server.lab("trusted.ipynb")).kernel()
    drawing(page, 2).wait_for()
    assert_drawn(page)
    page.run(0)
    page.page.locator(".dml-record[data-state=live]").first.wait_for()


def test_a_run_is_live_until_its_kernel_goes(server, page):
    server.write("run.ipynb", [LOAD, BREAD])
    page.open(server.lab("run.ipynb")).kernel().run(0).run(1)
    wait_for_states(page, "live")
    assert page.page.locator(".dml-drawing").is_hidden()
    page.run(1)
    wait_for_states(page, "live")
    page.palette("Restart Kernel…")
    page.page.locator(".jp-Dialog button", has_text="Restart").last.click()
    wait_for_states(page, "static")
    assert "✓ exit 0" in drawing(page).inner_text()
    page.kernel().run(0)
    wait_for_states(page, "live")


def test_a_reloaded_page_finds_the_kernel_that_goes_on(server, page):
    server.write("reload.ipynb", [LOAD, BREAD, "%%container build\nFROM localhost/base\nRUM true"])
    page.open(server.lab("reload.ipynb")).kernel().run(0).run(1)
    wait_for_states(page, "live")
    page.page.keyboard.press("Control+S")
    page.page.wait_for_function("document.title && !document.querySelector('.jp-mod-dirty')")
    page.page.reload()
    page.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    wait_for_states(page, "live")
    page.page.locator(".cm-lintRange-error").first.wait_for()
    page.panel().locator(".dml-row", has_text="fish1").wait_for()


def test_a_second_view_of_the_output_is_live_too(server, page):
    server.write("views.ipynb", [LOAD, BREAD])
    page.open(server.lab("views.ipynb")).kernel().run(0).run(1)
    wait_for_states(page, "live")
    page.page.locator(".dml-record").first.click(button="right", position={"x": 5, "y": 5})
    page.page.locator('li[data-command="notebook:create-output-view"]').click()
    page.page.locator(".jp-LinkedOutputView .dml-record[data-state=live]").wait_for()


def test_a_model_that_the_output_names_is_shown_only_where_it_lives_and_is_trusted(server, page):
    code = f"""
import ipywidgets
from IPython.display import display
view = ipywidgets.Text(value="alive", description="a model")
display({{"text/plain": "", "{MIME}": {{"kind": "run", "verdict": "exit 0", "exit_code": 0}},
    "application/vnd.jupyter.widget-view+json": {{"version_major": 2, "version_minor": 0, "model_id": view.model_id}}}}, raw=True)
"""
    server.write("named.ipynb", [code, "view.close()"])
    page.open(server.lab("named.ipynb")).kernel().run(0)
    wait_for_states(page, "live")
    page.page.locator(".dml-record .widget-text").wait_for()
    page.run(1)
    wait_for_states(page, "static")
    assert "✓ exit 0" in drawing(page).inner_text()


def test_a_widget_that_asks_has_its_cell_run_again_and_code_inserted(server, page):
    server.write("acts.ipynb", [LOAD, BREAD])
    page.open(server.lab("acts.ipynb")).kernel().run(0).run(1)
    wait_for_states(page, "live")
    dispatch = """detail => document.querySelector('.dml-record').lastElementChild.dispatchEvent(
        new CustomEvent('dockmagic:act', {bubbles: true, composed: true, cancelable: true, detail}))"""
    assert page.page.evaluate(dispatch, {"action": "insert", "code": "%container ps"}) is False
    assert page.cell(2).locator(".cm-content").inner_text() == "%container ps"
    assert page.page.evaluate(dispatch, {"action": "something else"}) is True
    before = page.cell(1).locator(".jp-InputPrompt").inner_text()
    assert page.page.evaluate(dispatch, {"action": "run-again", "code": ""}) is False
    page.page.wait_for_function(
        "before => ![before, '[ ]:', '[*]:'].includes(document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')[1].innerText)",
        arg=before,
    )


def hostile_record(text, other, more=()):
    """A record with ``text`` wherever a record has text, and ``more`` where it has many."""
    line = {"kind": "setting", "instruction": text, "above": 0}
    layer = {"instruction": f"RUN {text}", "read_only": True, "files": 1, "size": 1, "made_by": other}
    data = {
        "kind": text,
        "verdict": text,
        "container": {"name": text},
        "changes": [["A", f"/{text}"], ["D", text], *(["C", each] for each in more)],
        "image": {"tags": [text], "totals": {"layers": 1}, "layers": [layer], "settings": [line]},
        "warnings": [text, *more],
    }
    metadata = {
        "key": text,
        "isolation": {"tier": text, "notes": [text]},
        "paths": [[1, text], [None, text]],
        "log_tail": [text, *more],
        "build": {"log_tail": [text], "notes": [text]},
    }
    html = "<p>not what is drawn</p>"
    return nbformat.v4.new_output(
        "display_data", data={MIME: data, "text/html": html, "text/plain": "x"}, metadata={MIME: metadata}
    )


@pytest.mark.parametrize("trusted", [False, True])
def test_no_text_of_a_record_does_anything(server, page, trusted):
    texts = hostile_texts()
    assert len(texts) > 300
    published = published_texts()
    records = [hostile_record(text, texts[0]) for text in texts]
    records += [hostile_record(*published[at : at + 2], published[at : at + 20]) for at in range(0, len(published), 20)]
    cells = [nbformat.v4.new_code_cell("1", outputs=records[at : at + 40]) for at in range(0, len(records), 40)]
    server.write("hostile.ipynb", cells, kernel="nosuch", trusted=trusted)
    page.page.on("dialog", lambda dialog: page.errors.append(dialog.message))
    page.open(server.lab("hostile.ipynb"))
    without_kernel(page)
    for _ in range(40):  # cells are drawn when they come near
        if page.page.locator(".dml-drawing").count() >= len(records):
            break
        page.page.locator(".jp-WindowedPanel-outer").first.hover()
        page.page.mouse.wheel(0, 30_000)
        page.page.wait_for_timeout(150)
    assert page.page.locator(".dml-drawing").count() == len(records)
    assert page.page.evaluate("window.harmed") is None
    found = page.page.evaluate(
        """[...new Set([...document.querySelectorAll('.dml-drawing, .dml-drawing *')].flatMap(e =>
            [e.localName, ...[...e.attributes].map(a => a.name)]))].sort()"""
    )
    assert set(found) <= DRAWN_WITH
    shown = page.page.evaluate("[...document.querySelectorAll('.dml-drawing')].map(e => e.textContent).join('')")
    assert not set(shown) & set("\x00\x1b\x07\r\u202e\u2066\u2069\u200b\u200d\ufeff\u2028\x9b")
    assert "<script>window.harmed=1</script>" in shown
    assert "\\x1b[2J\\x1b[31mred" in shown
    assert "\\u202etxt.exe" in shown
    assert all(visible(text) in shown for text in published)


def test_real_files_with_hostile_names_are_drawn_as_text(server, page):
    names = [text for text in hostile_texts() if text.strip("./") and "/" not in text and "\x00" not in text][:100]
    names += [text for text in published_texts() if "alert(" in text]
    assert len(names) > 300
    # A slash in a name makes directories: the path is the text.
    script = """
import os, json
for number, name in enumerate(json.load(open("/names"))):
    path = f"/d/{number}-{name[:120]}"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if not os.path.isdir(path):
        open(path, "w").write(name)
"""
    body = "FROM localhost/python\nCOPY names.json /names\n---\n#!/usr/bin/env python3\n" + script
    (server.root / "names.json").write_text(json.dumps(names))
    server.write("files.ipynb", [LOAD, f"%%container -t names:1 --name names\n{body}"])
    page.page.on("dialog", lambda dialog: page.errors.append(dialog.message))
    page.open(server.lab("files.ipynb")).kernel().run(0).run(1)
    drawing(page).wait_for(state="attached")
    live = page.page.locator(".dockmagic-widget")
    live.wait_for()
    # The tree as it is found by text: whole paths, each a row that is opened.
    live.get_by_role("searchbox").fill("alert(")
    live.get_by_text(re.compile(r"^\d+ of [\d,]+ paths match")).wait_for()
    tree = live.get_by_role("tree")
    for _ in range(8):
        row = tree.get_by_role("treeitem").nth(3)
        row.click()
        tree.hover()
        page.page.mouse.wheel(0, 24 * 14)
        page.page.wait_for_timeout(100)
    assert page.page.evaluate("window.harmed") is None
    assert page.page.locator(".dml-record script, .dml-record img, .dml-record iframe, .dml-record a").count() == 0


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_axe_finds_nothing_in_drawn_records(tmp_path, executed, theme):
    with serving(tmp_path, theme=theme) as server, browsing(server.address) as page:
        server.write("axe.ipynb", executed, kernel="nosuch")
        page.open(server.lab("axe.ipynb"))
        without_kernel(page)
        drawing(page, 2).wait_for()
        page.page.locator(".dml-drawing summary").first.click()
        assert page.axe(".dml-drawing") == []
        page.shot(f"labextension-record-{theme.rpartition(' ')[2].lower()}")
        page.clean()
