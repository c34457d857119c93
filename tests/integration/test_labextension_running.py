"""What the widget and the panel show while something runs: a container in the background, a cell, both."""

from __future__ import annotations

import pytest

from tests.integration.lab_browser import CHROMIUM, browsing, serving

pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"), pytest.mark.slow]

LOAD = "%load_ext dockmagic"
GROWS = """%%container run localhost/base --name grows --bg
i=0
while :; do i=$((i + 1)); head -c 100000 /dev/zero > /grown-$i; sleep 0.5; done
"""
# Ends when it is told so, from outside or by an interrupt.
LONG = """%%container run localhost/base --name long
echo begun
while [ ! -e /enough ]; do sleep 0.1; done
echo ended
"""
BUSY = "import time\nwhile True:\n    time.sleep(0.1)"
REMOVE = "%container rm -f grows"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture
def page(server):
    with browsing(server.address) as shown:
        yield shown
        shown.clean()


def widget(page, cell):
    found = page.cell(cell).locator(".dockmagic-widget")
    found.wait_for(state="visible", timeout=30_000)
    return found


def grow(page, shown):
    """Waits until the tray has files that it has not now."""
    tray = shown.locator(".dm-tray").first
    before = tray.inner_text()
    page.page.wait_for_function(
        "([tray, before]) => tray.isConnected ? tray.innerText !== before : document.querySelector('.dm-tray').innerText !== before",
        arg=[tray.element_handle(), before],
    )


def test_the_layer_of_a_background_container_grows_before_the_eyes_also_while_a_cell_runs(server, page):
    server.write("grows.ipynb", [LOAD, GROWS, BUSY, REMOVE])
    page.open(server.lab("grows.ipynb")).kernel().run(0).run(1).start(2)
    shown = widget(page, 1)
    assert "writable, in use" in shown.inner_text()
    for _ in range(2):
        grow(page, shown)
    shown.locator(".dm-slab").first.click()
    shown.locator("h4", has_text="Layer 1 of 1").wait_for()
    shown.get_by_role("treeitem").first.wait_for()
    shown.locator(".dm-tray").first.click()
    shown.get_by_role("button", name="Look again").click()
    shown.locator('[role="treeitem"]', has_text="grown-1").first.click()
    shown.locator(".dm-boxhead", has_text="/grown-1").wait_for()
    page.shot("widget-grows")

    row = page.panel().locator(".dml-row", has_text="grows")
    row.wait_for()
    before = row.inner_text()
    page.page.wait_for_function(
        "before => [...document.querySelectorAll('#dockmagic-panel .dml-row')].some(row => row.innerText.includes('grows') && row.innerText !== before)",
        arg=before,
    )
    assert page.runs(2)
    page.interrupt(2).run(3)
    shown.get_by_text("container grows (removed)").wait_for()
    assert "ran in the background" in shown.inner_text()


def test_a_run_in_the_foreground_streams_and_leaves_the_rest_of_the_notebook_alive(server, page):
    server.write("long.ipynb", [LOAD, "%%container run localhost/base --name first\necho one > /one", LONG])
    page.open(server.lab("long.ipynb")).kernel().run(0).run(1)
    shown = widget(page, 1)
    panel = page.panel()
    page.start(2)
    page.cell(2).locator(".jp-OutputArea-output", has_text="begun").wait_for()
    panel.locator(".dml-row", has_text="long").get_by_text("● running").wait_for()
    shown.locator('[role="treeitem"]', has_text="one").click()
    shown.locator(".dm-lines", has_text="one").wait_for()
    shown.get_by_role("tab", name="Compare").click()
    shown.locator("option", has_text="long").first.wait_for(state="attached")
    assert page.runs(2)
    page.interrupt(2)
    panel.locator(".dml-row", has_text="long").get_by_text("✕ exit 130").wait_for()


def test_where_comms_go_to_the_main_thread_the_widget_answers_when_the_cell_has_ended(tmp_path):
    with serving(tmp_path, subshells=False) as server, browsing(server.address) as page:
        server.write("main.ipynb", [LOAD, GROWS, BUSY, REMOVE])
        page.open(server.lab("main.ipynb")).kernel().run(0).run(1)
        shown = widget(page, 1)
        grow(page, shown)
        page.start(2)
        shown.locator(".dm-slab").first.click()
        page.interrupt(2)
        shown.locator("h4", has_text="Layer 1 of 1").wait_for()
        shown.get_by_role("treeitem").first.wait_for()
        page.panel().locator(".dml-row", has_text="grows").wait_for()
        page.run(3)
        page.clean()
