from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockmagic.changes import ChangedPath
from dockmagic.errors import UsageError
from dockmagic.listing import File
from dockmagic.oci.changeset import Entry
from dockmagic.widgets.tree import MOST_ROWS, ROOT, Tree, mode_text, of_changes

FILES = (
    File(Entry(path="app", type="dir"), "C"),
    File(Entry(path="app/out.csv", type="file", mode=0o644, uid=1000, gid=1000, size=12400), "A"),
    File(Entry(path="app/seed.txt", type="file", mode=0o644, size=84), "D"),
    File(Entry(path="etc/ld.so.conf", type="file", mode=0o600, size=34), ""),
    File(Entry(path="bin", type="symlink", mode=0o777, linkname="usr/bin"), ""),
)


def names(page):
    return [row["name"] for row in page["rows"]]


def test_a_folder_lists_directories_first_then_names_by_their_bytes():
    tree = Tree([*FILES, File(Entry(path="Zeta", type="file"), ""), File(Entry(path="é", type="file"), "")])
    assert names(tree.page(ROOT)) == ["app", "etc", "Zeta", "bin", "é"]


def test_a_row_tells_state_mode_owner_size_and_link():
    tree = Tree(FILES)
    folder = tree.page(ROOT)["rows"][0]
    row = tree.page(folder["ref"])["rows"][0]
    assert row["path"] == "/app/out.csv"
    assert (row["state"], row["mode"], row["owner"], row["size"]) == ("A", "-rw-r--r--", "1000:1000", 12400)
    link = tree.page(ROOT)["rows"][-1]
    assert (link["kind"], link["link"], link["size"]) == ("symlink", "usr/bin", None)


def test_a_directory_that_nothing_mentions_stands_in_the_tree_with_the_bytes_below_it():
    etc = Tree(FILES).page(ROOT)["rows"][1]
    assert (etc["kind"], etc["size"], etc["folder"], etc["mode"]) == ("dir", 34, True, "drwxr-xr-x")


def test_what_is_deleted_does_not_count_into_the_size_of_its_directory():
    assert Tree(FILES).page(ROOT)["rows"][0]["size"] == 12400


def test_only_the_kinds_that_are_asked_for_are_shown_and_directories_for_what_is_below_them():
    tree = Tree(FILES)
    assert names(tree.page(ROOT, ["D"])) == ["app"]
    assert names(tree.page(tree.page(ROOT, ["D"])["rows"][0]["ref"], ["D"])) == ["seed.txt"]
    assert names(tree.page(ROOT, ["="])) == ["etc", "bin"]
    assert names(tree.page(ROOT, ["A", "C", "D", "="])) == ["app", "etc", "bin"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("out", ["/app/out.csv"]),
        ("OUT", ["/app/out.csv"]),
        ("*.csv", ["/app/out.csv"]),
        ("/app/*", ["/app/out.csv", "/app/seed.txt"]),
        ("/app", ["/app", "/app/out.csv", "/app/seed.txt"]),
        ("ld.so.con?", ["/etc/ld.so.conf"]),
        ("nothing", []),
    ],
)
def test_a_filter_finds_by_text_or_pattern(text, found):
    page = Tree(FILES).find(text)
    assert names(page) == found
    assert (page["total"], page["of"]) == (len(found), 6)


def test_a_filter_finds_only_paths_of_the_kinds_that_are_asked_for():
    page = Tree(FILES).find("app", ["A"])
    assert names(page) == ["/app/out.csv"]
    assert page["of"] == 1


def test_pages_are_limited_and_say_how_many_there_are():
    tree = Tree(File(Entry(path=f"d/{number:05}", type="file"), "A") for number in range(1000))
    folder = tree.page(ROOT)["rows"][0]["ref"]
    page = tree.page(folder, offset=400, limit=10_000)
    assert (len(page["rows"]), page["offset"], page["total"]) == (MOST_ROWS, 400, 1000)
    assert page["rows"][0]["name"] == "00400"
    assert len(tree.find("d/", offset=990)["rows"]) == 10


@pytest.mark.parametrize("ref", [-1, 10_000, "1", None, True, 1.5, [1]])
def test_a_row_that_is_not_there_is_an_error(ref):
    with pytest.raises(UsageError, match="no such row"):
        Tree(FILES).page(ref)


def test_an_unknown_kind_is_an_error():
    with pytest.raises(UsageError, match="kinds are"):
        Tree(FILES).page(ROOT, ["X"])


def test_hidden_characters_of_names_and_links_are_spelled_out():
    tree = Tree([File(Entry(path="a\u202eb\x1b\udcff", type="symlink", linkname="\n"), "A")])
    row = tree.page(ROOT)["rows"][0]
    assert row["name"] == "a\\u202eb\\x1b\\xff"
    assert row["link"] == "\\n"
    assert tree.path(row["ref"]) == "/a\u202eb\x1b\udcff"
    assert names(tree.find("\\u202e")) == ["/a\\u202eb\\x1b\\xff"]


def test_the_notes_of_a_removed_container_make_a_tree_without_modes():
    tree = of_changes(
        [ChangedPath(path="/note", kind="A", size=6), ChangedPath(path="/oven", kind="C", note="mode 755 -> 700")]
    )
    oven, note = tree.page(ROOT)["rows"]
    assert (oven["kind"], oven["note"], "mode" in oven) == ("dir", "mode 755 -> 700", False)
    assert (note["kind"], note["size"]) == ("file", 6)
    assert tree.counts() == {"A": 1, "C": 1, "D": 0}


def test_what_replaces_a_deleted_path_is_shown_in_its_place():
    gone, new = File(Entry(path="x", type="file", size=5), "D"), File(Entry(path="x", type="dir"), "A")
    for order in ([gone, new], [new, gone]):
        rows = Tree(order).page(ROOT)["rows"]
        assert [(row["state"], row["kind"]) for row in rows] == [("A", "dir")]


def test_modes_are_written_as_ls_does():
    assert mode_text(Entry(path="s", type="file", mode=0o4755)) == "-rwsr-xr-x"
    assert mode_text(Entry(path="t", type="dir", mode=0o1777)) == "drwxrwxrwt"


PARTS = st.text(st.characters(exclude_characters="/\0", exclude_categories=()), min_size=1, max_size=4).filter(
    lambda part: part not in {".", ".."}
)
PATHS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)


@given(st.dictionaries(PATHS, st.tuples(st.sampled_from(["A", "C", "D", ""]), st.integers(0, 1000)), max_size=30))
def test_every_path_is_reached_folder_by_folder_and_nothing_hidden_is_in_a_row(entries):
    files = [File(Entry(path=path, type="file", size=size), state) for path, (state, size) in entries.items()]
    tree = Tree(files)
    pending, reached = [ROOT], set()
    while pending:
        page = tree.page(pending.pop())
        assert page["total"] == len(page["rows"])
        for row in page["rows"]:
            reached.add(tree.path(row["ref"])[1:])
            assert not any(
                ord(letter) < 0x20 or 0xD800 <= ord(letter) <= 0xDFFF for letter in row["name"] + row["path"]
            )
            if row["folder"]:
                pending.append(row["ref"])
    assert set(entries) <= reached
    assert len(reached) == len(tree)
