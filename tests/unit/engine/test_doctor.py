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
