# ruff: noqa: INP001 - Sphinx reads it by its place
"""The site of the documentation: Sphinx over the Markdown pages and the notebooks of this repository.

``sphinx-build -W -c docs . build/site`` from the root of the repository. Nothing is executed, and no page asks another host for anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from myst_parser.parsers.sphinx_ import MystParser

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx

project = "dockmagic"
author = "The dockmagic developers"
project_copyright = author
html_title = "dockmagic"
language = "en"

extensions = ["myst_parser"]
myst_enable_extensions = ["attrs_inline"]
myst_heading_anchors = 3
# The pages are Markdown that a code-hosting site shows as well: links are relative paths, and their heads are numbered by nobody.
root_doc = "docs/index"
include_patterns = [
    "docs/**.md",
    "notebooks/*.ipynb",
    "notebooks/ko/*.ipynb",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
]
exclude_patterns = [
    ".*",
    "benchmarks",
    "binder",
    "build",
    "dist",
    "dockmagic",
    "labextension",
    "tests",
    "**/.ipynb_checkpoints",
]
# Cells begin with magics, and pages show what IPython would refuse.
suppress_warnings = ["misc.highlighting_failure", "myst.header"]

html_theme = "furo"
html_extra_path = ["site"]
html_copy_source = False
html_theme_options = {"source_repository": "", "navigation_with_keys": False}

# What stands in the margin: page to caption to pages. Pages of docs/ that are named nowhere come last below Reference, so that none is lost.
NAVIGATION = {
    "docs/index": {
        "Tutorial": ["docs/tutorial"],
        "How-to guides": [
            *(f"docs/howto/{page}" for page in ("course", "ci", "jupyterhub")),
            "docs/binder",
            *(f"docs/howto/{page}" for page in ("registry", "offline")),
        ],
        "Reference": [
            *(f"docs/{page}" for page in ("magics", "command-line", "python", "configuration", "dockerfile")),
            "docs/rules/README",
            *(f"docs/{page}" for page in ("build", "context", "base-images", "registry", "record", "widget")),
            *(f"docs/{page}" for page in ("labextension", "lab-protocol", "testing")),
        ],
        "Explanation": [
            *(f"docs/{page}" for page in ("architecture", "store", "sandbox", "tiers", "reproducibility")),
            *(f"docs/{page}" for page in ("benchmarks", "comparison", "glossary")),
        ],
        "Project": ["CHANGELOG", "CONTRIBUTING", "SECURITY"],
    },
    "docs/tutorial": {"English": ["notebooks/*"], "한국어": ["notebooks/ko/*"]},
    "docs/rules/README": {"": ["docs/rules/*"]},
}

_RECORD = "application/vnd.dockmagic.run+json"


class NotebookParser(MystParser):
    """A notebook as a page: its Markdown, its code, its saved outputs."""

    supported = ("ipynb",)

    def parse(self, inputstring: str, document: nodes.document) -> None:
        """Fill the document with what the notebook says."""
        super().parse(page(json.loads(inputstring)), document)


def page(notebook: Mapping[str, Any]) -> str:
    """The notebook as MyST Markdown; folded cells stay folded."""
    pieces: list[str] = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            pieces.append(source)
            continue
        shown = [fenced(_lexer(source), source), *(drawn(output) for output in cell["outputs"])]
        if "solution" in cell["metadata"].get("tags", ()):
            shown = ["<details><summary>…</summary>\n", *shown, "</details>\n"]
        pieces += shown
    return "\n\n".join(pieces) + "\n"


def drawn(output: Mapping[str, Any]) -> str:
    """One saved output: a record as it is drawn without a front end, anything else as text."""
    data = output.get("data", {})
    if _RECORD in data:
        # A blank line would end the HTML, and an indented one would be code.
        return re.sub(r"\n\s*", "\n", "".join(data["text/html"]))
    return fenced("text", "".join(output.get("text") or data.get("text/plain", "")).rstrip("\n"))


def fenced(lexer: str, text: str) -> str:
    """A block of code; its fence is longer than any in it."""
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall(r"`{3,}", text))])
    return f"{fence}{lexer}\n{text}\n{fence}"


def _lexer(source: str) -> str:
    if not source.startswith("%%container"):
        return "ipython3"
    return "docker" if re.match(r"FROM|ARG|#", source.partition("\n")[2]) else "bash"


def navigate(app: Sphinx, docname: str, content: list[str]) -> None:
    """Append the navigation to the pages that carry it; the files stay plain Markdown."""
    named = {page for parts in NAVIGATION.values() for pages in parts.values() for page in pages}
    for caption, pages in NAVIGATION.get(docname, {}).items():
        rest = (
            sorted(p for p in app.env.found_docs if p.startswith("docs/") and p.count("/") == 1)
            if caption == "Reference"
            else []
        )
        entries = [*pages, *(page for page in rest if page not in named | {root_doc})]
        lines = "\n".join(f"/{page}" for page in entries)
        head = f":caption: {caption}\n" if caption else ""
        content[0] += f"\n\n```{{toctree}}\n:hidden:\n:glob:\n{head}\n{lines}\n```\n"


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx's hook."""
    app.connect("source-read", navigate)
    app.add_source_suffix(".ipynb", "ipynb")
    app.add_source_parser(NotebookParser)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
