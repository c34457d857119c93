from __future__ import annotations

import pytest

from dockmagic.engine import doctor
from dockmagic.errors import IsolationError
from dockmagic.sandbox.probe import NAMES, Finding


def findings(*refused):
    return tuple(Finding(name=name, ok=name not in refused, call=f"try({name})") for name in NAMES)


REFUSAL = IsolationError("a wall cannot be built: capabilities", operation="capabilities", errno=1)


def test_a_refused_runtime_is_never_called_a_tier_that_runs():
    assert doctor.refused(findings(), REFUSAL).tier == "T2"
    assert doctor.refused(findings("ptrace"), REFUSAL).tier == "T3"
    assert doctor.refused(findings("id range"), REFUSAL).tier == "T2"


def test_what_the_probe_found_blocks_before_the_runtimes_own_refusal():
    assert doctor.refused(findings("mount", "new /proc"), REFUSAL).blocking.name == "mount"


def test_a_wall_that_no_trial_tries_blocks_by_its_operation_and_errno():
    blocking = doctor.refused(findings("id range"), REFUSAL).blocking

    assert (blocking.name, blocking.call, blocking.errno) == ("runtime", "capabilities", 1)
    assert blocking.fix


@pytest.mark.parametrize("errno", [0, 1, 9999])
def test_the_title_names_tier_note_call_errno_and_fix(errno):
    blocking = Finding(name="mount", ok=False, call="mount()", errno=errno, detail="why", fix="a key")
    text = doctor.title(doctor.Verdict(tier="T1", notes=("one id",), blocking=blocking))

    named = {0: "why", 1: "EPERM: why", 9999: "9999: why"}[errno]
    assert text.splitlines() == [
        "T1: the walls that this host allows",
        "  - one id",
        f"  blocked by mount: mount(): {named}",
        "  ask for: a key",
    ]


def test_nothing_is_asked_for_at_the_best_tier():
    assert doctor.title(doctor.Verdict(tier="T0")).strip() == "T0: all walls, a range of ids"


def test_without_a_store_the_store_is_what_blocks():
    store = Finding(name="store", ok=False, call="open(store)", errno=30)
    verdict = doctor.without_store(findings(), store)

    assert (verdict.tier, verdict.blocking) == ("T0", store)
    assert verdict.notes


def test_where_containers_run_nothing_is_required():
    doctor.require([Finding(name="tier", ok=True, detail="T1: the walls that this host allows")])


def test_where_none_run_the_reader_is_told_what_to_do_and_the_text_is_the_same_on_every_host():
    tiers = [
        Finding(
            name="tier", ok=False, call="unshare(CLONE_NEWUSER)", errno=1, detail="T2: no walls", fix="ask the admin"
        ),
        Finding(name="tier", ok=False, detail="T3: no walls, no tracing"),
    ]
    told = []
    for tier in tiers:
        with pytest.raises(IsolationError) as refusal:
            doctor.require([tier])
        told.append(refusal.value)

    assert str(told[0]) == str(told[1])
    assert "  unshare(CLONE_NEWUSER): EPERM\n" in told[0].detail
    assert "ask for: ask the admin" in told[0].detail
    assert "--isolation weak" in told[0].detail
    assert "--isolation weak" not in told[1].detail
    assert "  T3: no walls, no tracing\n" in told[1].detail
    assert "ask for" not in told[1].detail
    assert all("read on" in each.detail for each in told)
