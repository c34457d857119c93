from __future__ import annotations

from dataclasses import fields

import pytest

from dockmagic import results
from dockmagic.sandbox import probe
from dockmagic.sandbox.probe import NAMES, Finding
from dockmagic.sandbox.steps import granted

WALLS = {"user namespace", "mount", "pivot_root", "seccomp filter", "overlay on disk"}


def findings(*refused, given=NAMES):
    return [Finding(name=name, ok=name in given and name not in refused) for name in NAMES]


@pytest.mark.parametrize(
    ("refused", "tier"),
    [
        ((), "T0"),
        (("overlay on disk",), "T1"),
        (("idmapped mount", "cgroup", "/dev/net/tun", "ptrace"), "T0"),
        (("id range",), "T1"),
        (("new /proc",), "T1"),
        (("new /proc", "user notification"), "T1"),
        (("id range", "new /proc"), "T1"),
        (("id range", "user notification"), "T2"),
        (("overlay on disk", "overlay on tmpfs"), "T2"),
        (("user namespace",), "T2"),
        (("seccomp filter",), "T2"),
        (("mount", "ptrace"), "T3"),
        (NAMES, "T3"),
    ],
)
def test_the_tier_follows_from_the_findings(refused, tier):
    assert probe.tier(findings(*refused)) == tier


def test_what_was_not_tried_counts_as_refused():
    assert probe.tier([Finding(name=name, ok=True) for name in WALLS]) == "T3"
    assert probe.tier([]) == "T3"


def test_the_blocking_finding_is_the_first_on_the_way_up():
    assert probe.blocking(findings()) is None
    assert probe.blocking(findings("id range", "cgroup")).name == "id range"
    assert probe.blocking(findings("seccomp filter", "id range")).name == "seccomp filter"
    assert probe.blocking(findings(*NAMES)).name == "user namespace"


def test_a_finding_has_the_fields_of_the_doctors_rows():
    def shape(kind):
        return [(field.name, field.type, field.default) for field in fields(kind)]

    assert shape(Finding) == shape(results.Finding)


@pytest.mark.parametrize("host", ["kubernetes", "docker", "apparmor", ""])
def test_every_refusal_has_something_to_ask_for(host):
    for name in NAMES:
        text = probe.fix(name, "some call()", host)
        assert text
        assert "{" not in text.replace("{type: Unconfined}", "")


def test_a_trial_that_fails_on_its_way_in_asks_for_the_way_in():
    assert "subuid" in probe.fix("id range", "newuidmap", "")
    assert "unshare" in probe.fix("id range", "unshare(CLONE_NEWUSER)", "")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("stud:200000:65536\n", (200000, 65536)),
        ("other:1:2\nstud:3:4\nstud:5:6", (3, 4)),
        ("1001:7:8", (7, 8)),
        ("stud:x:65536\nstud:100:0\nstud:9\n\n:1:2", None),
        ("student:1:2", None),
        ("", None),
    ],
)
def test_a_granted_range_is_read_by_name_or_number(text, found):
    assert granted(text, 1001, "stud") == found


def test_a_user_without_a_name_has_no_range_of_the_nameless():
    assert granted(":1:2", 1001, "") is None
