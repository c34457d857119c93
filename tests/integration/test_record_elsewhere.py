"""The record where dockmagic has no extension: exported, sanitised, below another page's rules and styles."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

import bleach
import nbformat
import pytest

from dockmagic.record.bundle import bundle
from dockmagic.record.escape import visible
from dockmagic.results import Container
from tests.integration.hostile_texts import hostile_texts, published_texts

CHROMIUM = shutil.which("chromium")
GOLDEN = Path(__file__).parents[1] / "unit" / "record" / "golden"
CASES = sorted(path.parent.name for path in GOLDEN.glob("*/case.py"))
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
needs_pandoc = pytest.mark.skipif(shutil.which("pandoc") is None, reason="pandoc is not installed")
needs_pdftotext = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")
# What a code-hosting site leaves of HTML in a notebook: no style, no class, no id, nothing that runs or loads.
HOSTED = {
    "div": (),
    "span": ("title",),
    "b": (),
    "bdi": (),
    "table": (),
    "tbody": (),
    "tr": (),
    "td": ("colspan",),
    "colgroup": (),
    "col": ("width",),
}
# As editors and sites style tables and their words.
HOSTS = """
table, thead, tr, th, td, tbody { border: none; border-color: transparent; border-spacing: 0; border-collapse: collapse }
table, th, tr { vertical-align: middle; text-align: right } th, td { padding: 4px 8px; vertical-align: middle }
table { margin: 1em auto; font-size: 20px; table-layout: auto; width: auto }
tr:nth-child(even) { background-color: rgba(130, 130, 130, .3) } tr:hover { background: red }
"""
# No script, no request, styles inline only; an editor's web view allows more.
STRICT = "default-src 'none'; style-src 'unsafe-inline'"


def golden(case):
    """A record's data."""
    given = runpy.run_path(str(GOLDEN / case / "case.py"))
    return bundle(given["RESULT"], names=given.get("NAMES"))[0]


def hostile():
    """A record in which everything that a stranger may name is made to do harm."""
    bad = [text for text in hostile_texts() if "\x00" not in text]
    changes = {f"/{text}": "A" for text in [r"\end{Verbatim}\input{/etc/passwd}", "$x^2$", "{}~%_#&", *bad[:200:3]]}
    ended = Container(id="c", name=bad[1], status="exited", image_id="i", image=bad[2], exit_code=0, changes=changes)
    return bundle(ended)[0]


def notebook(directory, records):
    """A notebook with each record below a cell that also printed something."""
    cells = [nbformat.v4.new_markdown_cell("# Bread\n\nA *recipe*.")]
    for number, data in enumerate(records):
        printed = nbformat.v4.new_output("stream", name="stdout", text=f"printed {number}\n")
        shown = nbformat.v4.new_output("display_data", data=data)
        cells.append(nbformat.v4.new_code_cell("%%container run bread:1\ntrue", outputs=[printed, shown]))
    path = directory / "records.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def export(path, kind, *options, **env):
    command = [sys.executable, "-m", "jupyter", "nbconvert", "--to", kind, *options, str(path)]
    return subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture(scope="module")
def records():
    return [*(golden(case) for case in CASES), hostile()]


@contextmanager
def page(content, *, policy=""):
    """A page of that HTML, and what it asked for or was refused."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - the other tests do without

    head = f'<meta http-equiv="Content-Security-Policy" content="{policy}">' if policy else ""
    refused = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        shown = browser.new_page(viewport={"width": 900, "height": 700})
        shown.on("request", lambda request: refused.append(request.url))
        shown.on("console", lambda message: refused.append(message.text))
        shown.on("dialog", lambda dialog: refused.append(dialog.message))
        shown.set_content(f"<!doctype html>{head}<body>{content}</body>")
        try:
            yield shown, refused
        finally:
            browser.close()


def verbatim(latex):
    """What stands verbatim in LaTeX, as a reader sees it. Three dots and more are one sign there."""
    latex = latex.replace(r"{\ldots}", "...").replace(r"\^{}", "^").replace(r"\textasciitilde{}", "~")
    return re.sub(r"\\(textbackslash\{\}|[{}$&%#_])", lambda found: "\\" if found[1][1:] else found[1], latex)


@needs_pandoc
@pytest.mark.slow
def test_latex_gets_the_text_and_nothing_of_the_html(tmp_path, records):
    path = notebook(tmp_path, records)
    done = export(path, "latex")
    assert done.returncode == 0, done.stderr
    latex = path.with_suffix(".tex").read_text("utf-8")
    outputs = re.findall(
        r"\\begin\{Verbatim\}\[commandchars=\\\\\\\{\\\}\]\n(.*?)\n *\\end\{Verbatim\}", latex, re.DOTALL
    )
    shown = [verbatim(output) for output in outputs]
    for data in records:
        assert re.sub(r"\.{3,}", "...", data["text/plain"]) in shown
    assert not re.search(r"<(div|span|table|bdi)\b", "".join(shown).replace(records[-1]["text/plain"], ""))
    assert "font-size" not in latex
    # A name stays a name: none ends its block or reads a file.
    assert r"\input{/etc/passwd}" not in latex
    assert latex.count(r"\begin{Verbatim}") == latex.count(r"\end{Verbatim}")


@needs_chromium
@needs_pdftotext
@pytest.mark.slow
def test_a_pdf_by_way_of_html_has_the_record(tmp_path, records):
    path = notebook(tmp_path, records[:-1])
    env = {"PLAYWRIGHT_BROWSERS_PATH": str(tmp_path / "browsers")}
    done = export(path, "webpdf", "--WebPDFExporter.disable_sandbox=True", **env)
    # The exporter takes playwright's own Chromium; Debian's goes where it looks for that.
    wanted = Path(re.search(r"Executable doesn't exist at (\S+)", done.stderr)[1])
    wanted.parent.mkdir(parents=True)
    wanted.symlink_to(CHROMIUM)
    done = export(path, "webpdf", "--WebPDFExporter.disable_sandbox=True", **env)
    assert done.returncode == 0, done.stderr
    told = subprocess.run(["pdftotext", "-layout", path.with_suffix(".pdf"), "-"], capture_output=True, check=True)
    text = told.stdout.decode()
    for words in ("Container layer", "writable", "made from this machine", "failed, line", "COPY <<EOF /filling"):
        assert words in text


@needs_chromium
@pytest.mark.slow
def test_exported_html_shows_the_record_and_does_nothing_of_what_its_names_say(tmp_path, records):
    path = notebook(tmp_path, records)
    assert export(path, "html").returncode == 0
    exported = path.with_suffix(".html").read_text("utf-8")
    # Without the page's own scripts, which it would load from elsewhere.
    exported = re.sub(r"<script\b.*?</script>|<link\b[^>]*>", "", exported, flags=re.DOTALL)
    with page(exported) as (shown, refused):
        text = shown.locator("body").inner_text()
        assert text.count("Container layer") == sum("Container layer" in data["text/html"] for data in records)
        assert shown.evaluate("window.harmed") is None
        assert [each for each in refused if "data:" not in each] == []


@needs_chromium
def test_published_strings_are_only_text_in_the_html_and_in_the_text():
    texts = published_texts()
    records = []
    for start in range(0, len(texts), 8):
        some = texts[start : start + 8]
        changes = {f"/{text}": "A" for text in some}
        ended = Container(id="c", name=some[0], status="exited", image_id="i", image=some[-1], changes=changes)
        records.append(bundle(ended)[0])
    assert "<script>alert(" in "".join(data["text/plain"] for data in records)
    with page("".join(data["text/html"] for data in records)) as (shown, refused):
        shown.mouse.move(300, 300)
        titles = shown.evaluate("[...document.querySelectorAll('[title]')].map(each => each.title)")
        assert {visible(f"/{text}") for text in texts} <= set(titles)
        assert refused == []


class Text(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.parts = []

    def handle_data(self, data):
        self.parts.append(data)


def words(markup):
    parser = Text()
    parser.feed(markup)
    return " ".join("".join(parser.parts).split())


def sanitised(markup):
    """As a code-hosting site does it."""
    return bleach.clean(
        markup, tags=set(HOSTED), attributes={tag: list(names) for tag, names in HOSTED.items()}, strip=True
    )


@pytest.mark.parametrize("case", CASES)
def test_a_sanitiser_that_takes_all_styles_leaves_every_word_in_its_order(case):
    markup = golden(case)["text/html"]
    left = sanitised(markup)
    assert "style=" not in left
    assert words(left) == words(markup)


def test_what_a_sanitiser_leaves_of_hostile_names_is_the_same_text():
    markup = hostile()["text/html"]
    left = sanitised(markup)
    assert words(left) == words(markup)
    assert not re.search(r"<(?!/?(div|span|b|bdi|table|tbody|tr|td|colgroup|col)\b)", left)


@needs_chromium
def test_without_styles_the_record_is_a_table_that_reads_from_top_to_bottom():
    with page(sanitised(golden("run-cell")["text/html"]), policy="default-src 'none'") as (shown, refused):
        lines = [" ".join(line.split()) for line in shown.locator("body").inner_text().split("\n") if line.strip()]
        assert lines == [
            "✓ exit 0 bread:1",
            "Container layer \u2013 writable A 1 added C 0 changed D 0 deleted",
            "A /note",
            "ENV OVEN=hot setting, no layer",
            "read-only COPY <<EOF /filling 1 file 9 B",
            "read-only FROM localhost/base made from this machine",
            "Image \u2013 2 read-only layers, 9 B + base edge height: cube root of size, dotted where it varies",
        ]
        assert refused == []


@needs_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_strictest_policy_and_a_hosts_own_styles_change_nothing(scheme):
    drawings = "".join(f"<section>{golden(case)['text/html']}</section>" for case in CASES)
    colours = {"light": "background:#fff;color:#222", "dark": "background:#1e1e1e;color:#ccc"}[scheme]
    body = f'<div style="{colours};font-family:sans-serif;padding:8px">{drawings}</div>'
    with page(body) as (shown, refused):
        alone = shown.screenshot(full_page=True)
        assert refused == []
    with page(f"<style>{HOSTS}</style>{body}", policy=STRICT) as (shown, refused):
        below = shown.screenshot(full_page=True)
        assert refused == []
        if directory := os.environ.get("DOCKMAGIC_SCREENSHOTS"):
            Path(directory, f"record-elsewhere-{scheme}.png").write_bytes(below)
    assert below == alone, "the record leaves something to its host"
