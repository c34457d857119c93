from __future__ import annotations

import pytest

from dockmagic.lab import panel as panels
from dockmagic.lab.panel import Panel
from dockmagic.testing import RecordingRuntime, Scripted


@pytest.fixture
def panel(wire, lab, monkeypatch):
    # What the host gives is doctor's subject; here it would only take time.
    monkeypatch.setattr(panels, "isolation", lambda engine: {"tier": "T0"})
    return wire.open("dockmagic.panel")


def test_images_tell_their_layers_what_is_shared_and_what_can_be_done(wire, panel):
    told = wire.ask(panel, "state")
    bread = next(image for image in told["images"] if image["tags"] == ["bread:1"])
    assert (bread["size"], bread["shared"], bread["containers"]) == (5013, 5004, 0)
    assert [layer["size"] for layer in bread["layers"]] == [5004, 9]
    remove = next(action for action in bread["actions"] if action["action"] == "remove")
    assert remove == {
        "action": "remove",
        "label": "Remove",
        "code": "%container rmi bread:1",
        "confirm": "Remove image bread:1?",
        "enabled": True,
        "why": "",
    }


def test_containers_tell_how_they_ended_and_what_they_hold(wire, panel, kept):
    (told,) = wire.ask(panel, "state")["containers"]
    assert (told["name"], told["status"], told["exit_code"], told["image"]) == ("fish1", "exited", 0, "bread:1")
    assert (told["changed"], told["size_rw"]) == ({"A": 2, "C": 1, "D": 0}, 12)
    codes = {action["action"]: action["code"] for action in told["actions"]}
    assert codes == {
        "exec": "%%container exec fish1",
        "commit": "%container commit fish1 fish1:committed",
        "remove": "%container rm fish1",
    }
    assert next(action for action in told["actions"] if action["action"] == "exec")["where"] == "cell"


def test_layers_are_counted_once_on_the_disk(wire, panel, kept):
    disk = wire.ask(panel, "state")["disk"]
    assert {part["part"]: part["size"] for part in disk["parts"]} == {"images": 5014, "containers": 12, "cache": 0}
    assert disk["total"] == 5026
    assert disk["free"] > 0


def test_an_action_is_done_told_and_heard_by_every_panel(wire, panel, kept, engine):
    other = wire.open("dockmagic.panel")
    (container,) = wire.ask(panel, "state")["containers"]
    done = wire.ask(panel, "act", action="remove", ref=container["ref"])
    assert done == {"done": "removed fish1", "code": "%container rm fish1"}
    assert len(engine.ps(all=True)) == 0
    assert wire.messages(other) == [{"event": "changed"}]


def test_an_image_in_use_is_refused_with_the_way_out(wire, panel, kept, engine):
    error = wire.ask(panel, "act", action="remove", ref=engine.inspect("bread:1").id)
    assert error["kind"] == "ConflictError"
    assert error["hint"] == "%container rm fish1 removes it first"


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"action": "remove"},
        {"action": "remove", "ref": 5},
        {"action": "nothing", "ref": "bread:1"},
        {"action": "x", "ref": "no"},
    ],
)
def test_a_bad_action_is_an_error(wire, panel, params):
    assert wire.ask(panel, "act", **params)["kind"] in {"UsageError", "NotFoundError"}
    assert wire.ask(panel, "nothing")["kind"] == "UsageError"


def test_the_tier_in_force_is_one_of_the_four(tmp_path):
    from dockmagic.engine.engine import Engine  # noqa: PLC0415

    home = tmp_path / "home"
    told = Panel(Engine(home, runtime=RecordingRuntime(home, [Scripted()])), "1").state()["isolation"]
    assert [tier["tier"] for tier in told["tiers"] if tier["in_force"]] == [told["tier"]] == ["T0"]
    assert told["notes"] == ["a recording runtime: nothing runs"]
