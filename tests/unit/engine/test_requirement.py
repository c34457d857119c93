"""What a reader is told where a machine does not give what a notebook needs."""

from __future__ import annotations

import pytest

from dockmagic.engine.requirement import Needs, require
from dockmagic.errors import IsolationError
from dockmagic.sandbox.probe import Finding

T1 = [Finding(name="tier", ok=True, detail="T1: the walls that this host allows")]
WEAK = [Finding(name="tier", ok=True, detail="T2: containers run without walls, as asked for")]
T2 = [
    Finding(name="tier", ok=False, call="unshare(CLONE_NEWUSER)", errno=1, detail="T2: no walls", fix="ask the admin"),
    Finding(name="store", ok=True),
]
T3 = [Finding(name="tier", ok=False, detail="T3: no walls, no tracing"), Finding(name="store", ok=True)]
ALL = Needs(runs="4, 6-9", walls="5", instead="02 and 03")


def test_where_containers_run_nothing_is_told():
    assert require(T1) == require(T1, ALL) == require(WEAK) == ""


def test_without_walls_the_cells_that_show_some_are_named():
    assert require(WEAK, ALL).splitlines()[1] == "  5"


def test_where_none_run_the_reader_is_told_what_to_do_and_the_text_is_the_same_on_every_host():
    told = []
    for tier in (T2, T3):
        with pytest.raises(IsolationError) as refusal:
            require(tier, Needs(instead="02 and 03"))
        told.append(refusal.value)

    assert str(told[0]) == str(told[1])
    assert "  unshare(CLONE_NEWUSER): EPERM\n" in told[0].detail
    assert "ask for: ask the admin" in told[0].detail
    assert "--isolation weak" in told[0].detail
    assert "--isolation weak" not in told[1].detail
    assert "  T3: no walls, no tracing\n" in told[1].detail
    assert "ask for" not in told[1].detail
    assert all("read on" in each.detail for each in told)
    assert all("these notebooks go on: 02 and 03\n" in each.detail for each in told)


@pytest.mark.parametrize("tier", [T2, T3])
def test_a_notebook_that_names_the_cells_that_run_something_goes_on_with_the_others(tier):
    told = require(tier, ALL).splitlines()

    assert "  4, 6-9" in told
    assert any("goes on" in line for line in told)


def test_without_a_store_it_stops_all_the_same():
    with pytest.raises(IsolationError):
        require([T3[0], Finding(name="store", ok=False)], ALL)
