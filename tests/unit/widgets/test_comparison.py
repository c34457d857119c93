from __future__ import annotations

from dockmagic.listing import Content, Difference, File
from dockmagic.oci.changeset import Entry
from dockmagic.widgets.comparison import Comparison, Side, told
from dockmagic.widgets.summary import Slab, Tray


def side(label: str, *layers: str) -> Side:
    stack = tuple(Slab(kind="layer", instruction="", layer=0, diff_id=layer, size=10) for layer in layers)
    tray = Tray(title="Container layer", writable=True, counts={"A": 0, "C": 0, "D": 0}, size=3, paths=(), nothing="")
    return Side(
        label=label,
        verdict="exit 0",
        tray=tray,
        stack=stack,
        read=lambda path, limit: Content(kind="-", size=0, data=b""),
    )


def file(path: str, size: int = 0, state: str = "", **fields) -> File:
    return File(Entry(path=path, type=fields.pop("type", "file"), size=size, **fields), state)


def rows(*differences, **fields):
    return told(Comparison(first=side("one", "a"), second=side("two", "a"), differences=differences, **fields))["rows"]


def test_layers_that_both_have_are_counted_once():
    found = told(Comparison(first=side("one", "a", "b"), second=side("two", "a", "c"), differences=()))
    assert (found["shared"], found["own"], found["same_image"]) == (10, 26, False)


def test_a_path_of_one_side_says_whether_it_was_added_there_or_deleted_here():
    added, deleted = rows(
        Difference(path="/n", first=file("n", 5, "A"), second=None),
        Difference(path="/d", first=None, second=file("d", 4)),
    )
    assert (added["difference"], added["second"]["words"]) == ("only in one", "not there")
    assert (deleted["difference"], deleted["first"]["state"], deleted["second"]["words"]) == (
        "deleted in one",
        "D",
        "unchanged",
    )


def test_changed_modes_owners_and_kinds_are_told_in_words():
    mode, owner, kind = rows(
        Difference(path="/m", first=file("m", mode=0o644), second=file("m", mode=0o755)),
        Difference(path="/o", first=file("o", uid=0), second=file("o", uid=7)),
        Difference(path="/k", first=file("k"), second=file("k", type="symlink")),
    )
    assert mode["difference"] == "-rw-r--r--, -rwxr-xr-x"
    assert owner["difference"] == "owner 0:0, owner 7:0".replace("owner 7", "7")
    assert (kind["difference"], kind["diff"]) == ("file, symlink", False)


def test_contents_that_are_gone_cannot_be_asked_for():
    row = rows(Difference(path="/f", first=file("f", 1, "C"), second=file("f", 2, "C")), contents=False)[0]
    assert not row["diff"]


def test_a_page_of_rows_keeps_its_numbers():
    many = tuple(Difference(path=f"/{number}", first=file(str(number)), second=None) for number in range(450))
    found = told(Comparison(first=side("one"), second=side("two"), differences=many), 400)
    assert [row["ref"] for row in found["rows"]] == list(range(400, 450))
    assert found["total"] == 450
