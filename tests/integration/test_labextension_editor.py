"""Cells in a real JupyterLab: colours, folding, completion, explanations, problems."""

from __future__ import annotations

import pytest

from tests.integration.lab_browser import CHROMIUM, browsing, serving

pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"), pytest.mark.slow]

HEREDOCS = """%%container -t bread:1
# dockmagic: --name fish1
FROM localhost/base
ENV OVEN=hot
COPY <<EOF /app/main.py
import os
EOF
RUN <<EOF
echo "$OVEN"
EOF
---
#!/usr/bin/env python3
def main():
    return None
"""


# The contrast of an element's colour to the ground that it stands on, as WCAG 2 reckons it.
CONTRAST = """element => {
  const light = colour => {
    const ink = document.createElement('canvas').getContext('2d');
    ink.fillStyle = colour;
    ink.fillRect(0, 0, 1, 1);
    const parts = [...ink.getImageData(0, 0, 1, 1).data].slice(0, 3).map(part => part / 255);
    const [r, g, b] = parts.map(part => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  let ground = element;
  while (/, 0\\)$/.test(getComputedStyle(ground).backgroundColor)) ground = ground.parentElement;
  const both = [getComputedStyle(element).color, getComputedStyle(ground).backgroundColor].map(light);
  return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture
def page(server):
    with browsing(server.address) as shown:
        yield shown
        shown.clean()


def tokens(page, index, kind):
    return page.cell(index).locator(f".tok-{kind}").all_inner_texts()


def test_a_cell_becomes_a_dockerfile_while_its_first_line_is_typed_and_back(server, page):
    server.write("type.ipynb", ["FROM localhost/base\nRUN ls"])
    page.open(server.lab("type.ipynb"))
    cell = page.cell(0)
    cell.locator(".cm-content").click()
    assert tokens(page, 0, "keyword") == []
    page.page.keyboard.press("Control+Home")
    for character in "%%container":
        page.page.keyboard.type(character)
    page.page.keyboard.press("Enter")
    cell.locator(".tok-meta").first.wait_for()
    assert tokens(page, 0, "meta") == ["%%container"]
    assert tokens(page, 0, "keyword") == ["FROM", "RUN"]
    page.page.keyboard.press("Control+Home")
    page.page.keyboard.type("#")
    cell.locator(".tok-meta").first.wait_for(state="detached")
    assert tokens(page, 0, "keyword") == []


def test_each_part_of_a_cell_is_in_its_own_language(server, page):
    server.write("parts.ipynb", [HEREDOCS, "%%container run bread:1 --interp awk\nBEGIN { print length($1) }"])
    page.open(server.lab("parts.ipynb"))
    page.cell(0).locator(".tok-keyword").first.wait_for()
    assert tokens(page, 0, "keyword") == ["FROM", "ENV", "COPY", "import", "RUN", "def", "return", "None"]
    assert tokens(page, 0, "meta") == ["%%container", "# dockmagic:", "---"]
    assert tokens(page, 0, "labelName") == ["<<EOF", "EOF", "<<EOF", "EOF"]
    assert tokens(page, 1, "keyword") == ["run", "BEGIN", "print"]
    page.shot("labextension-cell")


def test_here_documents_fold_by_the_mouse_and_by_the_keyboard(server, page):
    server.write("fold.ipynb", [HEREDOCS])
    page.open(server.lab("fold.ipynb"))
    cell = page.cell(0)
    cell.locator(".cm-foldGutter span[title='Fold line']").first.wait_for()
    assert cell.locator(".cm-foldGutter span[title='Fold line']").count() == 2
    cell.locator(".cm-foldGutter span[title='Fold line']").first.click()
    assert cell.locator(".cm-foldPlaceholder").count() == 1
    assert "import os" not in cell.locator(".cm-content").inner_text()
    cell.locator(".cm-line", has_text="RUN").click()
    page.palette("Fold or Unfold the Here-Document")
    cell.locator(".cm-foldPlaceholder").nth(1).wait_for()
    cell.locator(".cm-foldPlaceholder").first.click()
    assert "import os" in cell.locator(".cm-content").inner_text()


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_the_arrows_that_fold_can_be_seen(tmp_path, theme):
    with serving(tmp_path, theme=theme) as server, browsing(server.address) as page:
        server.write("arrows.ipynb", [HEREDOCS])
        page.open(server.lab("arrows.ipynb"))
        arrow = page.cell(0).locator(".cm-foldGutter span[title='Fold line']").first
        arrow.wait_for()
        assert page.page.evaluate("document.body.dataset.jpThemeLight") == str("Light" in theme).lower()
        assert arrow.evaluate(CONTRAST) >= 3
        page.clean()


def test_a_cell_without_here_documents_has_no_gutter(server, page):
    server.write("flat.ipynb", ["%%container\nFROM localhost/base"])
    page.open(server.lab("flat.ipynb"))
    page.cell(0).locator(".tok-keyword").first.wait_for()
    assert page.cell(0).locator(".cm-foldGutter").count() == 0
    page.cell(0).locator(".cm-content").click()
    page.page.keyboard.press("Control+End")
    page.page.keyboard.insert_text("\nCOPY <<EOF /a\nx\nEOF")
    page.cell(0).locator(".cm-foldGutter").wait_for()


def complete(page, index, text):
    """Labels that Tab offers after ``text``."""
    page.type(index, text)
    page.page.keyboard.press("Tab")
    page.page.locator(".jp-Completer-item").first.wait_for()
    return page.page.locator(".jp-Completer-item .jp-Completer-match").all_inner_texts()


def test_tab_offers_instructions_flags_and_names_with_their_documentation(server, page):
    server.write("complete.ipynb", ["1"])
    page.open(server.lab("complete.ipynb")).kernel()
    offered = complete(page, 0, "%%container\nFROM localhost/base AS oven\nE")
    assert offered == ["ENTRYPOINT", "ENV", "EXPOSE"]  # and none of Python's names
    page.page.keyboard.press("ArrowDown")
    page.page.locator(".jp-Completer-docpanel", has_text="ENV name=value").wait_for()
    page.shot("labextension-completion")
    page.page.keyboard.press("Enter")
    page.cell(0).locator(".tok-keyword", has_text="ENV").wait_for()
    assert complete(page, 0, "%%container\nCOPY --ch") == ["--chmod", "--chown"]
    assert complete(page, 0, "%%container\nFROM a AS local\nFROM l") == ["local", "localhost/base", "localhost/python"]


def test_completion_needs_no_kernel(server, page):
    server.write("nokernel.ipynb", ["1"], kernel="nosuch")
    page.open(server.lab("nokernel.ipynb"))
    page.page.locator(".jp-Dialog button", has_text="No Kernel").click()
    assert complete(page, 0, "%%container\nE") == ["ENTRYPOINT", "ENV", "EXPOSE"]


def test_other_cells_complete_as_before(server, page):
    server.write("python.ipynb", ["1"])
    page.open(server.lab("python.ipynb")).kernel()
    assert "ENV" not in complete(page, 0, "import o")


def test_the_pointer_gets_an_explanation(server, page):
    server.write("hover.ipynb", [HEREDOCS])
    page.open(server.lab("hover.ipynb"))
    page.cell(0).locator(".tok-keyword", has_text="COPY").hover()
    page.page.locator(".dml-hover", has_text="here-document").wait_for()
    page.shot("labextension-hover")


def test_problems_are_underlined_while_dockmagic_is_loaded(server, page):
    server.write(
        "problem.ipynb", ["%load_ext dockmagic", "%%container build\nFROM localhost/base\nRUM true", "RUM true"]
    )
    page.open(server.lab("problem.ipynb")).kernel()
    underlined = page.page.locator(".cm-lintRange-error")
    assert underlined.count() == 0
    page.run(0)
    underlined.first.wait_for()
    assert "RUM" in underlined.first.inner_text()
    underlined.first.hover()
    page.page.locator(".cm-tooltip-lint", has_text="unknown instruction: RUM (did you mean RUN?)").wait_for()
    page.shot("labextension-problem")
    page.type(1, "%%container build\nFROM localhost/base\nRUN true")
    underlined.first.wait_for(state="detached")


def test_the_keyboard_reaches_problems(server, page):
    server.write("keys.ipynb", ["%load_ext dockmagic", "%%container build\nFROM localhost/base\nRUM true"])
    page.open(server.lab("keys.ipynb")).kernel().run(0)
    page.page.locator(".cm-lintRange-error").first.wait_for()
    page.cell(1).locator(".cm-content").click()
    page.page.keyboard.press("Control+Home")
    page.page.keyboard.press("F8")
    page.page.keyboard.insert_text("RUN")
    page.page.locator(".cm-line", has_text="RUN").first.wait_for()


def test_problems_go_with_the_kernel(server, page):
    server.write("restart.ipynb", ["%load_ext dockmagic", "%%container build\nFROM localhost/base\nRUM true"])
    page.open(server.lab("restart.ipynb")).kernel().run(0)
    page.page.locator(".cm-lintRange-error").first.wait_for()
    page.palette("Restart Kernel…")
    page.page.locator(".jp-Dialog button", has_text="Restart").last.click()
    page.page.locator(".cm-lintRange-error").first.wait_for(state="detached")
