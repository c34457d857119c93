from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from dockmagic.events import StepOutput, StepStarted
from dockmagic.lab.live import LiveBuild
from dockmagic.magics.notebook import Notebook
from tests.unit.lab.front_end import Publisher

STARTED = StepStarted(index=0, total=2, stage="", instruction="RUN x", line=1)


class Model:
    """Notes the states; ``shown`` waits for one that satisfies."""

    model_id = "model"

    def __init__(self) -> None:
        self.states: list[dict] = []
        self.was_closed = threading.Event()
        self._news = threading.Condition()

    def show(self, summary: dict) -> None:
        with self._news:
            self.states.append(summary)
            self._news.notify_all()

    def close(self) -> None:
        self.was_closed.set()

    def shown(self, wanted) -> bool:
        with self._news:
            return self._news.wait_for(lambda: any(wanted(state) for state in self.states), timeout=60)


@pytest.fixture
def model():
    return Model()


@pytest.fixture
def publisher():
    return Publisher()


@pytest.fixture
def live(model, publisher):
    def make(state):
        model.show(state)
        return model

    return LiveBuild("bread:1", make, publisher)


def test_a_build_that_is_over_at_once_shows_nothing(live, model, publisher):
    live.take(STARTED)
    live.close()
    assert (publisher.events, model.states) == ([], [])


def test_a_step_that_says_nothing_for_long_is_shown_and_then_taken_away(live, model, publisher):
    live.take(STARTED)
    assert model.shown(lambda state: state["rows"][0]["state"] == "running")
    live.take(StepOutput(index=0, stream="stdout", data=b"late\n"))
    assert model.shown(lambda state: state["rows"][0]["log"]["tail"] == ["late"])
    live.close()
    shown, cleared = publisher.events
    assert shown["application/vnd.jupyter.widget-view+json"]["model_id"] == "model"
    assert cleared == "clear later"
    assert model.was_closed.is_set()


def test_a_build_that_ends_while_its_view_is_made_never_shows_it(model, publisher):
    making, ended = threading.Event(), threading.Event()

    def make(state):
        making.set()
        ended.wait(60)
        return model

    live = LiveBuild("bread:1", make, publisher)
    assert making.wait(60)
    live.close()
    ended.set()
    assert model.was_closed.wait(60)
    assert publisher.events == []


@pytest.mark.parametrize(
    ("wanted", "hello", "shown"),
    [("auto", False, False), ("auto", True, True), ("always", False, True), ("never", True, False)],
)
def test_a_build_is_shown_where_a_front_end_asked_or_the_configuration_does(wanted, hello, shown):
    lab = SimpleNamespace(live=hello, live_build=lambda title: title)
    notebook = Notebook(engine=None, shell=None, variables={}, lab=lab, defaults=None, live_builds=wanted)  # type: ignore[arg-type]
    assert bool(notebook.live_build("x")) == shown


@pytest.mark.parametrize(
    "cell", ["", "print('mine')\nget_ipython().run_cell_magic('container', '', '')", "%container build ."]
)
def test_a_cell_that_may_hold_other_outputs_gets_no_view_that_would_clear_them(lab, shell, cell):
    shell.begin(cell)
    assert lab.live_build("x") is None


def test_a_container_cell_gets_a_view(lab, shell):
    shell.begin("\n%%container build -t x\nFROM scratch")
    live = lab.live_build("x")
    assert live is not None
    live.close()
