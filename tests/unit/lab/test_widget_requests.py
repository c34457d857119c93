from __future__ import annotations

import pytest

from dockmagic.lab.registry import Registry
from dockmagic.testing import add_image


@pytest.fixture
def model(wire, front, kept):
    return wire.ask(front, "model", key=kept)["model_id"]


def summary(wire, model):
    (data,) = [data for comm_id, data in wire.opened("jupyter.widget") if comm_id == model]
    return data["state"]["summary"]


def row(wire, model, tree, path):
    found = wire.ask_widget(model, "find", tree=tree, text=path)["rows"]
    return next(each for each in found if each["path"] == path)


def test_the_first_paint_needs_no_request(wire, model):
    told = summary(wire, model)
    assert (told["kind"], told["title"], told["verdict"]["words"]) == ("run", "bread:1", "exit 0")
    assert told["tray"]["counts"] == {"A": 2, "C": 1, "D": 0}
    assert [slab["layer"] for slab in told["stack"]] == [1, 0]
    assert list(told["stack"][1]["shared"]) == ["other:1"]
    assert [tree["id"] for tree in told["trees"]] == ["rw", "merged", "1", "0"]
    assert told["actions"][0]["code"] == "%%container run bread:1 --name fish1"


def test_folders_are_listed_one_at_a_time(wire, model):
    top = wire.ask_widget(model, "list", tree="rw", kinds=["A", "C", "D"])
    assert [(each["name"], each["state"]) for each in top["rows"]] == [("etc", ""), ("na\\u202eme", "A"), ("note", "A")]
    inside = wire.ask_widget(model, "list", tree="rw", folder=top["rows"][0]["ref"], kinds=["C"])
    assert [each["path"] for each in inside["rows"]] == ["/etc/conf"]


def test_a_changed_file_is_compared_with_the_image_below(wire, model):
    ref = row(wire, model, "rw", "/etc/conf")["ref"]
    told = wire.ask_widget(model, "diff", tree="rw", ref=ref)
    assert [(line["op"], line["text"]) for line in told["lines"]] == [(" ", "a"), ("-", "b"), ("+", "c")]
    assert wire.ask_widget(model, "content", tree="rw", ref=ref)["lines"] == ["a", "c"]


def test_a_layer_shows_what_it_deleted_and_what_that_was(wire, model):
    assert wire.ask_widget(model, "layer", tree="1")["counts"] == {"A": 1, "C": 0, "D": 1}
    ref = row(wire, model, "1", "/big")["ref"]
    told = wire.ask_widget(model, "diff", tree="1", ref=ref)
    assert told["lines"][0]["op"] == "-"
    error = wire.ask_widget(model, "content", tree="1", ref=ref)
    assert error["kind"] == "NotFoundError"


def test_bytes_that_are_no_text_are_no_lines(wire, model):
    ref = row(wire, model, "rw", "/na\\u202eme")["ref"]
    assert wire.ask_widget(model, "content", tree="rw", ref=ref)["type"] == "binary"


def test_the_whole_image_has_nothing_added_or_deleted(wire, model):
    rows = wire.ask_widget(model, "list", tree="merged")["rows"]
    assert {(each["name"], each["state"]) for each in rows} == {("etc", ""), ("filling", "")}


def test_waste_counts_what_is_stored_and_not_seen(wire, model):
    told = wire.ask_widget(model, "waste")
    assert (told["stored"], told["wasted"]) == (5013, 5000)
    assert told["rows"] == [{"path": "/big", "copies": 1, "size": 5000, "deleted": True}]


def test_two_runs_are_compared_with_their_contents(wire, lab, model, engine):
    engine.run("bread:1", argv=["true"], name="fish2")
    items = wire.ask_widget(model, "candidates")["items"]
    ref = next(item["ref"] for item in items if "fish2" in item["label"])
    found = wire.ask_widget(model, "compare", **{"with": ref})
    assert (found["first"]["label"], found["second"]["label"], found["same_image"]) == ("fish1", "fish2", True)
    assert [each["path"] for each in found["rows"]] == ["/etc/conf", "/na\\u202eme", "/note"]
    note = next(each for each in found["rows"] if each["path"] == "/note")
    told = wire.ask_widget(model, "compare_diff", **{"with": ref, "ref": note["ref"]})
    assert [(line["op"], line["text"]) for line in told["lines"]] == [("-", "eaten"), ("+", "other")]


def test_a_run_whose_container_is_gone_is_compared_by_what_it_noted(wire, lab, model, engine):
    key = lab.keep(engine.run("bread:1", argv=["true"]), ["bread:1"])
    found = wire.ask_widget(model, "compare", **{"with": f"record:{key}"})
    assert "are gone" in found["note"]
    assert {each["path"] for each in found["rows"]} == {"/etc/conf", "/na\\u202eme", "/note"}
    assert not any(each["diff"] for each in found["rows"])


def test_two_images_are_compared(wire, lab, front, engine):
    model = wire.ask(front, "model", key=engine.inspect("bread:1").id)["model_id"]
    other = engine.inspect("other:1").id
    found = wire.ask_widget(model, "compare", **{"with": f"image:{other}"})
    assert [(each["path"], each["difference"]) for each in found["rows"]] == [
        ("/big", "deleted in bread:1"),
        ("/filling", "only in bread:1"),
        ("/other", "only in other:1"),
    ]
    assert found["shared"] == 5004


def test_what_a_container_writes_is_seen_when_it_is_asked_for_again(wire, model, engine):
    assert wire.ask_widget(model, "refresh")["tray"]["counts"]["A"] == 2
    (upper,) = engine.session.home.glob(f"roots/*/containers/{engine.inspect('fish1').id}/upper")
    (upper / "grown").write_bytes(b"x" * 100)
    tray = wire.ask_widget(model, "refresh")["tray"]
    assert (tray["counts"]["A"], tray["size"]) == (3, 112)
    assert row(wire, model, "rw", "/grown")["state"] == "A"
    assert wire.ask_widget(model, "summary")["container"]["status"] == "exited"


def test_removing_the_container_leaves_what_its_run_noted(wire, model, engine):
    told = wire.ask_widget(model, "act", action="remove")
    assert told["done"] == "removed fish1"
    assert told["summary"]["container"]["there"] is False
    assert len(engine.ps(all=True)) == 0
    rows = wire.ask_widget(model, "list", tree="rw")["rows"]
    assert "note" in {each["name"] for each in rows}
    error = wire.ask_widget(model, "content", tree="rw", ref=rows[-1]["ref"])
    assert error == {
        "message": "the container has been removed, and its files with it",
        "hint": "a container stays with --name or --keep",
        "kind": "NotFoundError",
    }
    assert wire.ask_widget(model, "refresh") == {"tray": None}


def test_committing_makes_the_image_that_the_code_says(wire, model, engine):
    assert wire.ask_widget(model, "act", action="commit")["done"] == "committed fish1 as fish1:committed"
    assert engine.inspect("fish1:committed").layers[-1].files == 3


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("list", {"tree": "9"}),
        ("list", {"tree": "../../etc"}),
        ("list", {"tree": None}),
        ("list", {"tree": "rw", "folder": "x"}),
        ("list", {"tree": "rw", "kinds": "A"}),
        ("list", {"tree": "rw", "offset": -1}),
        ("content", {"tree": "rw", "ref": 10_000}),
        ("content", {"tree": "rw", "ref": "/etc/shadow"}),
        ("compare", {"with": "image:nothing"}),
        ("compare", {"with": "record:nothing"}),
        ("compare_diff", {"with": "container:fish1", "ref": 99}),
        ("act", {"action": "explode"}),
        ("log", {"step": 0}),
        ("nothing", {}),
    ],
)
def test_what_cannot_be_answered_is_an_error_with_words(wire, model, method, params):
    error = wire.ask_widget(model, method, **params)
    assert error["kind"] in {"UsageError", "NotFoundError"}
    assert error["message"]


def test_the_newest_200_records_are_known(engine):
    registry, image = Registry(), engine.inspect("bread:1")
    from dockmagic.lab.registry import Cell  # noqa: PLC0415

    keys = [registry.add(image, None, Cell()) for _ in range(201)]
    assert registry.get(keys[0]) is None
    assert registry.get(keys[1]) is not None
    assert len(registry.all()) == 200


def test_what_a_run_printed_is_not_kept_twice(lab, engine):
    subject = lab.registry.get(lab.keep(engine.run("bread:1", argv=["true"])))
    assert (subject.result.output, subject.result.stdout) == ("", "")


def test_an_image_that_is_gone_says_so(wire, lab, front, engine, tmp_path):
    add_image(engine.session.store, {"x": b"1"}, name="brief:1")
    model = wire.ask(front, "model", key=engine.inspect("brief:1").id)["model_id"]
    engine.rmi("brief:1")
    error = wire.ask_widget(model, "list", tree="merged")
    assert error["message"] == "the image has been removed"
