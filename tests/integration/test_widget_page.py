from __future__ import annotations

import pytest

pytest.importorskip("playwright.sync_api")
from dockmagic.listing import File
from dockmagic.oci.changeset import Entry
from dockmagic.widgets.explorer import Explorer
from dockmagic.widgets.summary import Choice, Slab, Summary, Tray
from dockmagic.widgets.tree import Tree
from tests.integration.widget_page import CHROMIUM, drawn

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

TRAY = Tray(
    title="Container layer",
    writable=True,
    counts={"A": 0, "C": 0, "D": 0},
    size=0,
    paths=(),
    nothing="This run changed no files.",
)
ROW = {"ref": 1, "name": "grown", "path": "/grown", "kind": "file", "state": "A", "size": 7, "folder": False}


def slab(number: int, size: int) -> Slab:
    return Slab(kind="layer", instruction=f"RUN step {number}", layer=number, size=size, files=1)


def summary(*stack: Slab, tray: Tray = TRAY):
    return Summary(
        kind="run",
        title="odd:1",
        verdict={"mark": "good", "words": "exit 0"},
        totals={"layers": len(stack), "files": len(stack), "size": sum(each.size for each in stack)},
        tray=tray,
        stack=stack,
        trees=(Choice(id="rw", label="Container layer"),),
    ).to_json()


def answer(method, params):
    empty = {"rows": [], "offset": 0, "total": 0}
    return {"list": empty, "layer": {"counts": TRAY.counts, "paths": 0}, "candidates": {"items": []}}.get(method, {})


def heights(page, slab_text: str):
    return (
        page.locator(".dm-slab", has_text=slab_text)
        .locator(".dm-edge")
        .evaluate_all("all => all.map(each => each.offsetHeight)")
    )


def test_the_front_edge_is_as_high_as_the_cube_root_of_the_size():
    stack = (slab(4, 0), slab(3, 1 << 20), slab(2, 8 << 20), slab(1, 1 << 30), slab(0, 3 << 30))
    with drawn(summary(*stack), answer) as (page, _):
        assert heights(page, "step 4") == [0]
        assert heights(page, "step 3") == [8]
        assert heights(page, "step 2") == [16]
        assert heights(page, "step 1") in ([80], [81])
        assert len(heights(page, "step 0")) == 2
        assert page.locator(".dm-slab", has_text="step 0").locator(".dm-break").count() == 1


def test_many_small_layers_are_one_line_that_opens():
    stack = tuple(slab(number, 5_000_000 if number % 20 == 0 else 1000) for number in range(119, -1, -1))
    with drawn(summary(*stack), answer) as (page, _):
        assert page.locator(".dm-slab").count() == 6
        page.get_by_role("button", name="19 layers below 1 MB").first.click()
        assert page.locator(".dm-slab").count() == 25
        assert page.evaluate("document.activeElement.classList.contains('dm-slab')")


def test_an_image_of_no_layers_and_a_run_of_no_changes_say_so():
    with drawn(summary(), answer) as (page, _):
        text = page.locator(".dockmagic-widget").inner_text()
        assert "Image with 0 layers (FROM scratch)" in text
        assert "This run changed no files." in text


def test_the_layer_of_a_living_container_grows_and_its_files_are_read_when_asked():
    grown = {"A": 1, "C": 0, "D": 0}
    tray = {**summary(tray=TRAY)["tray"], "living": True}

    def writing(method, params):
        if method == "refresh":
            return {"tray": {**tray, "counts": grown, "size": 7, "paths": [["A", "/grown", 7, ""]]}}
        return {"rows": [ROW], "offset": 0, "total": 1} if method == "list" else answer(method, params)

    with drawn({**summary(slab(0, 1)), "tray": tray}, writing) as (page, _):
        page.locator(".dm-tray", has_text="/grown").wait_for()
        page.get_by_text("1 path differs").wait_for()
        page.get_by_role("button", name="Look again").click()
        page.get_by_role("treeitem", name="added, grown").wait_for()


@pytest.mark.parametrize("left", [{"counts": {"A": 1, "C": 0, "D": 0}, "size": 7}, None])
def test_when_a_living_container_ends_everything_is_drawn_as_it_stands_then(left):
    alive = {**summary(slab(0, 1)), "verdict": {"mark": "open", "words": "running"}}
    alive["tray"] = {**alive["tray"], "living": True}
    tray = None if left is None else {**alive["tray"], **left, "living": False}
    ended = {**alive, "tray": tray, "verdict": {"mark": "good", "words": "exit 0"}}

    def ending(method, params):
        return {"refresh": {"tray": tray}, "summary": ended}.get(method) or answer(method, params)

    with drawn(alive, ending) as (page, _):
        page.get_by_text("✓ exit 0").wait_for()
        assert page.locator(".dm-tray").count() == (0 if left is None else 1)


def test_what_only_a_notebook_can_do_is_asked_of_it_and_else_shown_as_code():
    told = {
        **summary(slab(0, 1)),
        "actions": [
            {
                "action": "exec",
                "label": "Open",
                "code": "%%container exec x\n",
                "where": "cell",
                "confirm": "",
                "enabled": True,
                "why": "",
            },
            {
                "action": "commit",
                "label": "Commit",
                "code": "c",
                "where": "kernel",
                "confirm": "",
                "enabled": False,
                "why": "it runs",
            },
        ],
    }
    with drawn(told, answer) as (page, _):
        page.evaluate(
            "document.addEventListener('dockmagic:act', e => { window.heard = e.detail; if (window.take) e.preventDefault(); })"
        )
        page.get_by_role("button", name="Open").click()
        assert page.evaluate("window.heard") == {"action": "insert", "code": "%%container exec x\n"}
        page.get_by_text("Put this into a cell:").wait_for()
        assert page.get_by_role("button", name="Commit").is_disabled()
        assert "it runs" in page.locator(".dm-actions").inner_text()


class Large:
    """An image with a folder of 100,000 files: what the view model asks a source for here."""

    def __init__(self) -> None:
        entries = (Entry(path=f"data/{number:06}.txt", type="file", size=number) for number in range(100_000))
        self.tree_of_all = Tree(File(entry, "A") for entry in entries)

    def tree(self, tree: str) -> Tree:
        del tree
        return self.tree_of_all


def test_of_100000_files_only_those_in_sight_are_in_the_page():
    explorer = Explorer(Large())

    def answering(method, params):
        return explorer.answer(method, params) if method in {"list", "find"} else answer(method, params)

    with drawn(summary(slab(0, 1)), answering) as (page, _):
        tree = page.get_by_role("tree")
        tree.get_by_role("treeitem").first.click()
        middle = tree.get_by_role("treeitem", name="added, 050000.txt")
        tree.evaluate("tree => { tree.scrollTop = 24 * 50_000 }")
        middle.wait_for()
        assert middle.get_attribute("aria-posinset") == "50001"
        assert tree.get_by_role("treeitem").count() < 40
        tree.focus()
        page.keyboard.press("End")
        tree.get_by_role("treeitem", name="added, 099999.txt").wait_for()
        page.get_by_role("searchbox").fill("*99.txt")
        page.get_by_text("1,000 of 100,000 paths match").wait_for()
        tree.get_by_role("treeitem", name="added, /data/000099.txt").wait_for()
        assert page.get_by_role("treeitem").count() < 40


def test_a_closed_view_leaves_nothing_in_the_page():
    with drawn(summary(slab(0, 1)), answer) as (page, _):
        page.evaluate("window.end()")
        assert page.locator(".dockmagic-widget").count() == 0


def test_where_the_readers_own_colours_are_forced_lines_say_what_is_chosen():
    with drawn(summary(slab(1, 8 << 20), slab(0, 3 << 30)), answer) as (page, _):
        page.emulate_media(forced_colors="active")
        under = page.get_by_role("tab").evaluate_all("all => all.map(tab => getComputedStyle(tab).borderBottomColor)")
        chosen = page.get_by_role("tab", selected=True)
        assert under.count(chosen.evaluate("tab => getComputedStyle(tab).borderBottomColor")) == 1 < len(under)
        page.locator("button.dm-slab").first.click()
        rims = page.locator("button.dm-slab .dm-top").evaluate_all(
            "all => all.map(top => getComputedStyle(top).outlineStyle)"
        )
        assert rims == ["solid", "none"]
        assert "gradient" in page.locator(".dm-break").evaluate("edge => getComputedStyle(edge).backgroundImage")
