"""The panel of images and containers in a real JupyterLab and in Notebook 7."""

from __future__ import annotations

import pytest

from tests.integration.lab_browser import CHROMIUM, browsing, serving

pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"), pytest.mark.slow]

LOAD = "%load_ext dockmagic"
BREAD = "%%container -t bread:1 --name fish1\nFROM localhost/base\nCOPY <<EOF /filling\nred bean\nEOF\n---\necho eaten > /note"

SHADE = "part => { const { backgroundColor, backgroundImage } = getComputedStyle(part); return backgroundColor + backgroundImage; }"


@pytest.fixture
def server(tmp_path):
    with serving(tmp_path) as running:
        yield running


@pytest.fixture
def page(server):
    with browsing(server.address) as shown:
        yield shown
        shown.clean()


def test_the_panel_says_what_to_do_until_dockmagic_is_loaded(server, page):
    server.write("empty.ipynb", [LOAD])
    page.open(server.lab("empty.ipynb")).kernel()
    panel = page.panel()
    assert "%load_ext dockmagic" in panel.inner_text()
    page.run(0)
    panel.locator("text=None yet.").wait_for()
    assert page.axe("#dockmagic-panel") == []
    assert "T0" in panel.inner_text()


def focused(page):
    return page.page.evaluate("document.activeElement.innerText")


def reach(page, words):
    """Goes down the panel until the focus is on ``words``."""
    for _ in range(20):
        if words in focused(page):
            return
        page.page.keyboard.press("ArrowDown")
    pytest.fail(f"{words} is not reached")


def enter_panel(page):
    page.page.keyboard.press("Control+Alt+i")
    page.page.locator("#dockmagic-panel .dml-row").first.wait_for()
    page.page.wait_for_function("document.activeElement.closest('#dockmagic-panel')")
    page.page.keyboard.press("Tab")


def remove(page, name):
    """Opens a row, chooses Remove and agrees, by the keyboard."""
    reach(page, name)
    page.page.keyboard.press("Enter")
    page.page.locator(f'[aria-label="actions of {name}"]').wait_for()
    reach(page, "Remove")
    page.page.keyboard.press("Enter")
    page.page.locator(".jp-Dialog", has_text=name).wait_for()
    page.page.keyboard.press("Enter")
    page.page.locator("#dockmagic-panel .dml-row-name", has_text=name).wait_for(state="detached")
    assert name in page.page.locator("#dockmagic-panel [role=status]").inner_text()


def test_it_lists_what_there_is_and_removes_it_by_the_keyboard_alone(server, page):
    server.write(
        "bread.ipynb",
        [LOAD, BREAD, "tags = %container images\n[tag for image in tags for tag in image.tags if 'bread' in tag]"],
    )
    page.open(server.lab("bread.ipynb")).kernel().run(0).run(1)
    enter_panel(page)
    panel = page.page.locator("#dockmagic-panel")
    panel.locator(".dml-row", has_text="fish1").wait_for()
    for words in ("bread:1", "2 layers", "1 container", "exit 0", "1 added", "image layers, stored once"):
        assert words in panel.inner_text()
    remove(page, "fish1")
    enter_panel(page)
    remove(page, "bread:1")
    page.run(2)
    assert page.cell(2).locator(".jp-OutputArea-output").inner_text() == "[]"


def test_an_action_shows_its_code_and_one_of_a_cell_puts_it_into_one(server, page):
    server.write("exec.ipynb", [LOAD, BREAD])
    page.open(server.lab("exec.ipynb")).kernel().run(0).run(1)
    enter_panel(page)
    reach(page, "fish1")
    page.page.keyboard.press("Enter")
    actions = page.page.locator('[aria-label="actions of fish1"]')
    assert "%%container exec fish1" in actions.inner_text()
    assert "%container rm fish1" in actions.inner_text()
    assert "fish1" in focused(page)  # the focus stays where it was
    page.shot("labextension-panel")
    assert page.axe("#dockmagic-panel") == []
    reach(page, "Open as exec cell")
    page.page.keyboard.press("Enter")
    page.page.wait_for_function("document.querySelectorAll('.jp-Notebook .jp-CodeCell').length === 3")
    assert page.cell(2).locator(".cm-content").inner_text().startswith("%%container exec fish1")


def test_it_answers_while_a_cell_runs(server, page):
    server.write("busy.ipynb", [LOAD, BREAD, "import time\nwhile True:\n    time.sleep(0.1)"])
    page.open(server.lab("busy.ipynb")).kernel().run(0).run(1)
    panel = page.panel()
    panel.locator(".dml-row", has_text="fish1").click()
    page.cell(2).locator(".cm-content").click()
    page.page.keyboard.press("Control+Enter")
    page.page.locator(".jp-InputPrompt", has_text="[*]:").wait_for()
    panel.locator(".dml-button", has_text="Remove").first.click()
    page.page.locator(".jp-Dialog button", has_text="Remove").click()
    panel.locator("text=None is kept.").wait_for()
    assert page.cell(2).locator(".jp-InputPrompt").inner_text() == "[*]:"
    page.palette("Interrupt Kernel")
    page.page.locator("text=KeyboardInterrupt").first.wait_for()


def test_it_is_readable_in_the_dark(tmp_path):
    with serving(tmp_path, theme="JupyterLab Dark") as server, browsing(server.address) as page:
        server.write("dark.ipynb", [LOAD, BREAD])
        page.open(server.lab("dark.ipynb")).kernel().run(0).run(1)
        panel = page.panel()
        panel.locator(".dml-row", has_text="fish1").click()
        panel.locator(".dml-actions").wait_for()
        assert page.axe("#dockmagic-panel") == []
        page.shot("labextension-dark")
        # With a reader's own few colours, too: what shades tell is still there.
        page.page.emulate_media(forced_colors="active")
        shades = {
            part: panel.locator(f".dml-sample.{part}").evaluate(SHADE) for part in ("dml-part-images", "dml-part-cache")
        }
        assert shades["dml-part-images"] != shades["dml-part-cache"]
        assert "gradient" in panel.locator(".dml-sample.dml-part-containers").evaluate(SHADE)
        page.clean()


def test_notebook_7_has_colours_record_and_panel(tmp_path):
    pytest.importorskip("notebook")
    with serving(tmp_path, module="notebook") as server, browsing(server.address) as page:
        server.write("seven.ipynb", [LOAD, BREAD])
        page.open(server.notebook7("seven.ipynb")).kernel()
        page.cell(1).locator(".tok-keyword", has_text="FROM").wait_for()
        page.run(0).run(1)
        page.page.locator(".dml-record[data-state=live]").wait_for()
        page.palette("Show Images and Containers")
        page.page.locator("#dockmagic-panel .dml-row", has_text="fish1").wait_for()
        page.shot("labextension-notebook7")
        assert page.page.evaluate("window.seen") == []
        assert page.foreign == []
