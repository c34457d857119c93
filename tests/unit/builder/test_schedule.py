"""Stages at the same time: order of work, order of telling, failures, interrupts."""

from __future__ import annotations

import threading

import pytest

from dockmagic.builder.running import Running
from dockmagic.builder.schedule import run_stages
from dockmagic.builder.stagework import BuiltStage
from dockmagic.errors import BuildError
from dockmagic.events import StepStarted
from dockmagic.oci.config import ImageConfig
from tests.unit.builder.planning import planned

DIAMOND = (
    "FROM b AS base\nFROM base AS one\nRUN 1\nFROM base AS two\nRUN 2\n"
    "FROM base\nCOPY --from=one /x /x\nCOPY --from=two /x /x\n"
)
CHAIN = "FROM b AS one\nFROM one AS two\nRUN x\nFROM two\nRUN --mount=from=one,target=/x y\n"


def ending(error=None):
    return BuiltStage(diff_ids=(), config=ImageConfig(architecture="amd64", os="linux"), records=(), error=error)


def event(stage):
    return StepStarted(index=stage.index, total=9, stage=stage.title, instruction="", line=1)


def run(text, work, running=None):
    told = []
    done = run_stages(planned(text).stages, work, told.append, running or Running())
    return done, [each.stage for each in told]


def test_stages_know_what_they_need():
    assert [stage.needs for stage in planned(DIAMOND).stages] == [frozenset(), {0}, {0}, {0, 1, 2}]
    assert [stage.needs for stage in planned(CHAIN).stages] == [frozenset(), {0}, {0, 1}]


def test_a_chain_is_built_in_the_calling_thread():
    threads = set()

    def work(stage, done, tell):
        threads.add(threading.current_thread())
        tell(event(stage))
        return ending()

    assert run(CHAIN, work)[1] == ["one", "two", "stage-2"]
    assert threads == {threading.current_thread()}


def test_independent_stages_are_built_at_the_same_time_and_told_in_their_order():
    both = threading.Barrier(2, timeout=60)
    second_is_done = threading.Event()

    def work(stage, done, tell):
        assert stage.needs <= done.keys()
        if stage.title in {"one", "two"}:
            both.wait()
        if stage.title == "one":
            second_is_done.wait(60)
        tell(event(stage))
        if stage.title == "two":
            second_is_done.set()
        return ending()

    done, told = run(DIAMOND, work)
    assert told == ["base", "one", "two", "stage-3"]
    assert set(done) == {0, 1, 2, 3}


def test_everything_is_told_in_the_calling_thread():
    threads = set()
    run_stages(
        planned(DIAMOND).stages,
        lambda stage, done, tell: (tell(event(stage)), ending())[1],
        lambda each: threads.add(threading.current_thread()),
        Running(),
    )
    assert threads == {threading.current_thread()}


def test_the_first_failure_stops_the_others_and_is_the_last_of_the_result():
    running = Running()
    failed = threading.Event()

    def work(stage, done, tell):
        if stage.title == "two":
            failed.set()
            return ending(BuildError("two failed"))
        if stage.title == "one":
            failed.wait(60)
            while not running.stopped:
                pass
            return ending(BuildError("one was stopped"))
        return ending()

    done, _ = run(DIAMOND, work, running)
    assert list(done)[-1] == 2
    assert str(done[2].error) == "two failed"
    assert 3 not in done


def test_an_exception_of_a_thread_or_a_listener_is_raised_when_all_threads_have_ended():
    def broken(stage, done, tell):
        tell(event(stage))
        if stage.title == "two":
            raise ZeroDivisionError
        return ending()

    with pytest.raises(ZeroDivisionError):
        run(DIAMOND, broken)

    def listener(each):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_stages(planned(DIAMOND).stages, lambda s, d, tell: (tell(event(s)), ending())[1], listener, Running())
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("stage ")]


class Sleeper:
    def __init__(self):
        self.interrupts = 0

    def interrupt(self):
        self.interrupts += 1


def test_processes_are_interrupted_once_and_late_ones_at_once():
    running = Running()
    first, gone, late = Sleeper(), Sleeper(), Sleeper()
    with running.watched() as watch:
        watch.started(gone)
    with running.watched() as watch:
        watch.started(first)
        running.stop()
        with running.watched() as other:
            other.started(late)
    assert (first.interrupts, gone.interrupts, late.interrupts) == (1, 0, 1)
