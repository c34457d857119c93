"""The documentation's site: built with warnings as errors, whole, and without anything from another host."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration import lab_browser

REPOSITORY = Path(__file__).resolve().parents[2]
# Names of other hosts are fine where a reader may follow them: in links. Whatever a browser fetches by itself is ours.
FETCHED = re.compile(
    r"<(?:script|img|iframe|source|link)\b[^>]*?\b(?:src|href)=\"(?:https?:)?//[^\"]*\"|url\((?:https?:)?//|@import"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    directory = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", str(directory / "trees"), "-c", "docs"]
    done = subprocess.run(
        [*command, ".", str(directory / "html")],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    return directory / "html"


def test_every_page_and_every_notebook_is_in_the_site(site):
    sources = [*(REPOSITORY / "docs").rglob("*.md"), *(REPOSITORY / "notebooks").rglob("[0-9]*.ipynb")]
    made = [(site / path.relative_to(REPOSITORY)).with_suffix(".html") for path in sources]
    assert len(made) > 40
    assert [str(path) for path in [site / "index.html", *made] if not path.is_file()] == []


def test_no_page_asks_another_host_for_anything(site):
    pages = [*site.rglob("*.html"), *site.rglob("*.css")]
    assert [(page.name, found) for page in pages for found in FETCHED.findall(page.read_text("utf-8"))] == []


def test_a_notebooks_page_has_its_cells_its_records_and_its_solutions_folded(site):
    page = (site / "notebooks" / "01-image-and-container.html").read_text("utf-8")
    assert "This run changed no files." in page
    assert "%%container" in page
    assert page.count("<details>") == 3  # two solutions and an answer


@pytest.mark.skipif(lab_browser.CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_site_is_read_in_a_browser_without_an_error_and_without_a_network(site, scheme):
    address = site.as_uri()
    with lab_browser.browsing(address, scheme=scheme) as seen:
        for name in ("docs/index", "docs/glossary", "notebooks/02-layers", "notebooks/ko/01-image-and-container"):
            seen.page.goto(f"{address}/{name}.html")
            assert seen.page.locator("article h1").first.inner_text()
            seen.shot(f"site-{name.replace('/', '-')}-{scheme}")
        seen.clean()
