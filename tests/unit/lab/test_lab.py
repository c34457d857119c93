from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from dockmagic.lab.lab import Lab
from dockmagic.magics.dockerfile_part import dockerfile_part
from tests.unit.lab.front_end import Shell


def test_loading_announces_once_and_a_hello_is_answered(lab, wire):
    assert [data for _, data in wire.opened("dockmagic")] == [{"event": "announce", "protocol": 1, "version": "1.2.3"}]
    front = wire.open("dockmagic", {"event": "hello", "protocol": 1, "widgets": True})
    assert wire.messages(front) == [{"event": "welcome", "protocol": 1, "version": "1.2.3", "live": True}]
    assert lab.live


@pytest.mark.parametrize(
    "hello", [{}, {"protocol": 2, "widgets": True}, {"protocol": 1, "widgets": False}, {"protocol": 1}]
)
def test_builds_are_live_only_where_a_front_end_of_this_protocol_has_widgets(lab, wire, hello):
    front = wire.open("dockmagic", hello)
    assert wire.messages(front)[0]["live"] is False
    assert not lab.live


def test_a_front_end_that_leaves_takes_its_hello_with_it(lab, wire, front):
    wire.manager.comm_close(None, None, {"content": {"comm_id": front, "data": {}}})
    assert not lab.live


def test_a_terminal_has_no_comms_and_keeps_records_all_the_same(engine):
    shell = Shell(None)
    lab = Lab(shell, lambda: engine, dockerfile_part, "1")
    lab.open()
    assert lab.keep(engine.inspect("bread:1"))
    lab.close()


def test_a_model_is_made_when_it_is_asked_for_and_only_one(lab, wire, front, kept):
    assert wire.opened("jupyter.widget") == []
    first = wire.ask(front, "model", key=kept)
    assert first["exact"] is True
    again = wire.ask(front, "model", key=kept)
    assert again == first
    widgets = [
        comm_id for comm_id, data in wire.opened("jupyter.widget") if data["state"]["_model_module"] == "anywidget"
    ]
    assert widgets == [first["model_id"]]


def test_the_model_is_closed_when_its_cell_runs_again(lab, wire, front, kept, shell):
    model = wire.ask(front, "model", key=kept)["model_id"]
    shell.begin("1 + 1", "cell-2")
    assert model not in wire.closed()
    shell.begin("%%container run bread:1", "cell-1")
    assert model in wire.closed()
    assert wire.ask(front, "model", key=kept)["model_id"] not in {None, model}


def test_an_unknown_key_gives_what_still_stands_in_the_store(lab, wire, front, kept, engine):
    container = engine.inspect("fish1")
    found = wire.ask(front, "model", key="forgotten", container=container.id, image=container.image_id)
    assert (found["exact"], bool(found["model_id"])) == (False, True)
    engine.rm("fish1")
    found = wire.ask(front, "model", key="gone", container=container.id, image=container.image_id)
    assert found["exact"] is False
    assert wire.ask(front, "model", key="gone", container="0" * 64, image="sha256:" + "0" * 64) == {"model_id": None}


@pytest.mark.parametrize("wanted", ["fish1", "bread:1", "f", "", None, 7, ["x"]])
def test_names_and_beginnings_of_ids_do_not_restore_a_record(lab, wire, front, kept, wanted):
    assert wire.ask(front, "model", key=wanted, container=wanted, image=wanted) == {"model_id": None}


def test_a_key_that_is_an_id_shows_that_image_exactly(lab, wire, front, engine):
    assert wire.ask(front, "model", key=engine.inspect("bread:1").id)["exact"] is True


@pytest.mark.parametrize("bad", [None, 7, "model", [], {"id": 1}, {"event": "x"}])
def test_what_is_no_request_is_not_answered(lab, wire, front, bad):
    before = len(wire.messages(front))
    wire.say(front, bad)
    assert len(wire.messages(front)) == before


@pytest.mark.parametrize(
    "bad", [{"id": 1, "method": 5}, {"id": 1, "method": "model", "params": []}, {"id": 1, "method": "no"}]
)
def test_a_bad_request_is_answered_with_an_error(lab, wire, front, bad):
    wire.say(front, bad)
    told = wire.messages(front)[-1]
    assert (told["id"], told["error"]["kind"]) == (1, "UsageError")


def test_panels_hear_of_cells_in_which_dockmagic_ran(lab, wire, shell):
    panel = wire.open("dockmagic.panel")
    shell.begin("1 + 1")
    shell.end()
    assert wire.messages(panel) == []
    shell.begin("%container images")
    lab.touch()
    shell.end()
    assert wire.messages(panel) == [{"event": "changed"}]


def test_unloading_closes_every_comm_and_model(lab, wire, front, kept):
    model = wire.ask(front, "model", key=kept)["model_id"]
    panel = wire.open("dockmagic.panel")
    lab.close()
    assert {front, model, panel} < set(wire.closed())
    lab.open()  # for the fixture's end


def test_requests_from_several_threads_make_one_model(lab, wire, front, kept):
    found = []
    threads = [threading.Thread(target=lambda: found.append(lab.model_id(kept))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1


def test_ipywidgets_is_imported_by_the_first_request_and_not_before(home):
    code = f"""
import sys
sys.path.insert(0, ".")
import pytest
from tests.unit.lab.front_end import Shell, plugged
from dockmagic.engine.engine import Engine
from dockmagic.lab.lab import Lab
from dockmagic.testing import RecordingRuntime
from pathlib import Path
home = Path({str(home)!r})
wire = plugged(pytest.MonkeyPatch())
engine = Engine(home, runtime=RecordingRuntime(home))
lab = Lab(Shell(wire), lambda: engine, lambda text: None, "1")
lab.open()
key = lab.keep(engine.run("bread:1", argv=["true"]))
front = wire.open("dockmagic", {{"protocol": 1, "widgets": True}})
panel = wire.open("dockmagic.panel")
wire.ask(panel, "state")
print("ipywidgets" in sys.modules, "anywidget" in sys.modules)
wire.ask(front, "model", key=key)
print("ipywidgets" in sys.modules, "anywidget" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["False False", "True True"]
