from __future__ import annotations

import re

import pytest

pytest.importorskip("playwright.sync_api")
from tests.integration.lab_browser import BUNDLE, CHROMIUM, browsing, serving

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
    pytest.mark.skipif(not BUNDLE.is_dir(), reason="the extension is not built"),
]

LOAD = "%load_ext dockmagic"
BREAD = """%%container -t bread:1 --name fish1
FROM localhost/base
RUN mkdir /oven && echo hot > /oven/state && head -c 3000000 /dev/zero > /oven/big
COPY <<EOF /filling
red bean
EOF
RUN rm /oven/big
---
echo eaten > /note
echo more >> /filling
rm /oven/state
"""
SECOND = "%%container run bread:1 --name fish2\necho other > /note"
SLOW = """%%container -t slow:1
FROM localhost/base
RUN echo first line; sleep 2; echo last line
---
echo done
"""
# Each would run, load something or turn the page around if a name ever became markup.
HOSTILE = """%%container -t hostile:1 --name hostile
FROM localhost/base
---
mkdir '/<img src=x onerror=window.hacked=1>' /names
cd /names
printf '<script>window.hacked=1</script>' > '<script>window.hacked=1<_script>'
printf x > '"><svg onload=window.hacked=1>'
printf x > "javascript:window.hacked=1"
printf x > "$(printf 'turn\\342\\200\\256txt.exe')"
printf x > "$(printf 'bell\\007esc\\033[31mred')"
printf x > "$(printf 'invalid\\377byte')"
printf x > '&lt;b&gt;{{constructor.constructor("window.hacked=1")()}}${window.hacked=1}'
"""
PLAIN = "%%container run localhost/base\ntrue"


@pytest.fixture
def lab(tmp_path):
    with serving(tmp_path) as server:
        yield server


def widget(page, cell: int):
    """The live widget below a cell."""
    found = page.cell(cell).locator(".dockmagic-widget")
    found.wait_for(state="visible", timeout=30_000)
    return found


def test_a_record_becomes_a_widget_whose_layers_files_and_differences_can_be_looked_at(lab):
    lab.write("bread.ipynb", [LOAD, BREAD, SECOND])
    with browsing(lab.address) as page:
        page.open(lab.lab("bread.ipynb")).kernel()
        for cell in range(3):
            page.run(cell)
        shown = widget(page, 1)

        assert "Container layer" in shown.inner_text()
        shown.locator('[role="treeitem"]', has_text="filling").click()
        shown.locator(".dm-plus", has_text="more").wait_for()

        shown.locator(".dm-slab", has_text="COPY").click()
        shown.locator("h4", has_text="Layer 3 of 4").wait_for()
        shown.locator('[role="treeitem"]', has_text="filling").click()
        shown.locator(".dm-lines", has_text="red bean").wait_for()

        shown.get_by_role("tab", name="Files").click()
        shown.locator("td", has_text="/oven/big").wait_for()
        shown.get_by_role("searchbox").fill("*.so*")
        shown.get_by_text(re.compile(r"\d+ of [\d,]+ paths match")).wait_for()

        shown.get_by_role("tab", name="Build").click()
        assert shown.locator(".dm-step:visible").count() == 4

        shown.get_by_role("tab", name="Compare").click()
        option = shown.locator("option", has_text="fish2").first
        option.wait_for(state="attached")
        shown.get_by_label("Compare with").select_option(value=option.get_attribute("value"))
        shown.get_by_role("button", name="content: show the difference in /note").click()
        shown.locator(".dm-plus", has_text="other").wait_for()
        shown.locator(".dm-minus", has_text="eaten").wait_for()
        page.shot("widget-compare")
        page.clean()


def test_actions_show_their_code_and_do_what_it_does(lab):
    lab.write("bread.ipynb", [LOAD, BREAD])
    with browsing(lab.address) as page:
        page.open(lab.lab("bread.ipynb")).kernel()
        page.run(0)
        page.run(1)
        shown = widget(page, 1)
        assert "%container commit fish1 fish1:committed" in shown.inner_text()
        shown.get_by_role("button", name="Commit").click()
        shown.get_by_text("committed fish1 as fish1:committed").wait_for()

        shown.get_by_role("button", name="Open as exec cell").click()
        page.page.wait_for_function("document.querySelectorAll('.jp-Notebook .jp-CodeCell').length === 3")
        assert "%%container exec fish1" in page.cell(2).inner_text()

        shown.get_by_role("button", name="Remove").click()
        shown.get_by_role("button", name="Yes").click()
        shown.get_by_text("removed fish1").wait_for()
        shown.get_by_text("container fish1 (removed)").wait_for()

        prompt = page.cell(1).locator(".jp-InputPrompt")
        before = prompt.inner_text()
        shown.get_by_role("button", name="Run again").click()
        page.page.wait_for_function(
            "([e, before]) => /\\[\\d+\\]/.test(e.innerText) && e.innerText !== before",
            arg=[prompt.element_handle(), before],
        )
        widget(page, 1).get_by_text("container fish1 (exited)").wait_for()
        page.clean()


def test_a_build_is_seen_while_it_goes_on_and_leaves_nothing_behind(lab):
    lab.write("slow.ipynb", [LOAD, SLOW])
    with browsing(lab.address) as page:
        page.open(lab.lab("slow.ipynb")).kernel()
        page.run(0)
        page.cell(1).locator(".cm-content").click()
        page.page.keyboard.press("Control+Enter")
        live = page.cell(1).get_by_role("group", name="Build in progress")
        live.wait_for(state="visible", timeout=30_000)
        live.locator(".dm-log", has_text="first line").wait_for()
        page.shot("widget-build")
        live.wait_for(state="detached", timeout=30_000)
        widget(page, 1).get_by_text("exit 0").wait_for()
        assert page.cell(1).locator(".jp-OutputArea-output").count() == 2
        assert "done" in page.cell(1).locator(".jp-OutputArea-output").first.inner_text()
        page.clean()


def test_hostile_names_and_contents_are_only_text(lab):
    lab.write("hostile.ipynb", [LOAD, HOSTILE])
    with browsing(lab.address) as page:
        page.open(lab.lab("hostile.ipynb")).kernel()
        page.run(0)
        page.run(1)
        shown = widget(page, 1)
        shown.get_by_role("tab", name="Stack").click()
        shown.get_by_role("searchbox").first.fill("/names/")
        shown.get_by_text(re.compile("7 of ")).wait_for()
        text = shown.get_by_role("tree").first.inner_text()
        for name in (
            "turn\\u202etxt.exe",
            "bell\\x07esc\\x1b[31mred",
            "invalid\\xffbyte",
            "javascript:window",
            "&lt;b&gt;",
        ):
            assert name in text
        shown.locator('[role="treeitem"]', has_text="<script>").click()
        shown.locator(".dm-lines", has_text="<script>window.hacked=1</script>").wait_for()
        assert page.page.evaluate("window.hacked") is None
        assert shown.locator("img, script, iframe, object, a[href]").count() == 0
        page.clean()


def test_everything_can_be_reached_with_the_keyboard_alone(lab):
    lab.write("bread.ipynb", [LOAD, BREAD])
    with browsing(lab.address) as page:
        page.open(lab.lab("bread.ipynb")).kernel()
        page.run(0)
        page.run(1)
        shown, keys = widget(page, 1), page.page.keyboard
        shown.get_by_role("tab", name="Stack").focus()
        keys.press("ArrowRight")
        assert page.page.evaluate("document.activeElement.innerText") == "Files"
        keys.press("ArrowLeft")
        keys.press("Tab")  # the tray
        keys.press("ArrowDown")
        keys.press("Enter")
        shown.locator("h4", has_text="Layer 4 of 4").wait_for()
        shown.locator(".dm-tray").focus()
        keys.press("Enter")
        tree = shown.get_by_role("tree")
        tree.locator('[role="treeitem"]', has_text="filling").wait_for()
        tree.focus()
        keys.press("ArrowRight")  # opens the first folder
        tree.locator('[role="treeitem"]', has_text="state").wait_for()
        keys.press("ArrowLeft")
        keys.press("ArrowDown")
        keys.press("Enter")
        shown.locator(".dm-plus", has_text="more").wait_for()
        page.clean()


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_axe_finds_nothing_in_either_theme(tmp_path, theme):
    with serving(tmp_path, theme=theme) as lab:
        lab.write("bread.ipynb", [LOAD, BREAD, SECOND])
        with browsing(lab.address) as page:
            page.open(lab.lab("bread.ipynb")).kernel()
            for cell in range(3):
                page.run(cell)
            shown = widget(page, 1)
            shown.locator('[role="treeitem"]', has_text="filling").click()
            shown.locator(".dm-plus").first.wait_for()
            word = theme.rpartition(" ")[2].lower()
            page.shot(f"widget-stack-{word}")
            assert "\n".join(page.axe(".dockmagic-widget")) == ""
            for view in ("Files", "Build", "Compare"):
                shown.get_by_role("tab", name=view).click()
                if view == "Compare":
                    shown.get_by_label("Compare with").select_option(index=1)
                    shown.locator("table:visible").wait_for()
                if view == "Files":
                    shown.locator("td", has_text="/oven/big").wait_for()
                page.shot(f"widget-{view.lower()}-{word}")
                assert "\n".join(page.axe(".dockmagic-widget")) == ""


def test_without_a_request_no_model_is_made_and_nothing_of_ipywidgets_is_loaded(lab):
    lab.write(
        "plain.ipynb", [LOAD, PLAIN, "import sys; print('ipywidgets' in sys.modules, 'anywidget' in sys.modules)"]
    )
    with browsing(lab.address) as page:
        page.page.route("**/dockmagic-labextension/**", lambda route: route.abort())
        page.open(lab.lab("plain.ipynb")).kernel()
        for cell in range(3):
            page.run(cell)
        assert "False False" in page.cell(2).inner_text()
        assert "Container layer" in page.cell(1).inner_text()
        assert page.page.evaluate("window.seen") == []


def test_a_reopened_notebook_shows_what_still_stands_in_the_store(tmp_path):
    with serving(tmp_path) as lab:
        lab.write("bread.ipynb", [LOAD, BREAD])
        with browsing(lab.address) as page:
            page.open(lab.lab("bread.ipynb")).kernel()
            page.run(0)
            page.run(1)
            widget(page, 1)
            page.page.keyboard.press("Control+S")
            page.page.wait_for_selector(".jp-mod-dirty", state="detached")
    with serving(tmp_path) as lab, browsing(lab.address) as page:
        page.open(lab.lab("bread.ipynb")).kernel()
        assert page.cell(1).locator(".dockmagic-widget").count() == 0
        assert "Container layer" in page.cell(1).inner_text()
        page.run(0)
        shown = widget(page, 1)
        shown.locator('[role="treeitem"]', has_text="filling").click()
        shown.locator(".dm-lines", has_text="more").wait_for()
        page.clean()


def test_with_the_widget_in_data_a_front_end_without_the_extension_shows_it(lab):
    lab.write("plain.ipynb", [f"{LOAD}\n%config ContainerMagics.widget_in_data = True", BREAD])
    with browsing(lab.address) as page:
        page.page.route("**/dockmagic-labextension/**", lambda route: route.abort())
        page.open(lab.lab("plain.ipynb")).kernel()
        page.run(0)
        page.run(1)
        shown = widget(page, 1)
        shown.get_by_role("button", name="Open as exec cell").click()
        shown.get_by_text("Put this into a cell: %%container exec fish1").wait_for()
