from __future__ import annotations

import pytest

from dockmagic.engine.health import Check, judged, pause, planned
from dockmagic.engine.settings import Settings
from dockmagic.errors import UsageError
from dockmagic.results import Health, HealthProbe

CHECK = Check(test=("true",), retries=2, start_period=10.0, start_interval=1.0)
STARTING = Health(status="starting")


def probe(code):
    return HealthProbe(start="", end="", exit_code=code, output="")


def after(health, *codes, age=100.0):
    for code in codes:
        health = judged(health, probe(code), CHECK, age=age)
    return health.status, health.failing_streak


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ((0,), ("healthy", 0)),
        ((1,), ("starting", 1)),
        ((1, 1), ("unhealthy", 2)),
        ((1, 1, 0), ("healthy", 0)),
        ((0, 1), ("healthy", 1)),
        ((0, 1, -1), ("unhealthy", 2)),
        ((1, 0, 1), ("healthy", 1)),
    ],
)
def test_failures_in_a_row_make_it_unhealthy(codes, expected):
    assert after(STARTING, *codes) == expected


def test_failures_at_first_do_not_count():
    assert after(STARTING, 1, 1, 1, age=5.0) == ("starting", 0)
    assert after(STARTING, 0, 1, 1, age=5.0) == ("unhealthy", 2)


def test_checks_come_sooner_at_first():
    assert pause(STARTING, CHECK, age=5.0) == 1.0
    assert pause(STARTING, CHECK, age=15.0) == 30.0
    assert pause(Health(status="healthy"), CHECK, age=5.0) == 30.0


def test_the_log_keeps_the_last_five():
    health = STARTING
    for code in range(7):
        health = judged(health, probe(code), CHECK, age=100.0)
    assert [found.exit_code for found in health.log] == [2, 3, 4, 5, 6]


IMAGE = {"Test": ["CMD", "ask", "it"], "Interval": 2_000_000_000, "Retries": 5}


@pytest.mark.parametrize(
    ("image", "settings", "expected"),
    [
        (None, {}, None),
        ({"Test": ["NONE"]}, {}, None),
        ({"Test": []}, {}, None),
        (IMAGE, {}, Check(test=("ask", "it"), interval=2.0, retries=5)),
        (IMAGE, {"no_healthcheck": True}, None),
        (IMAGE, {"health_interval": 7.0}, Check(test=("ask", "it"), interval=7.0, retries=5)),
        (IMAGE, {"health_cmd": "x"}, Check(test=("/bin/sh", "-c", "x"), interval=2.0, retries=5)),
        ({"Test": ["CMD-SHELL", "a b"]}, {}, Check(test=("/bin/sh", "-c", "a b"))),
        ({"Test": ["CMD-SHELL", 1], "Interval": "x", "Retries": -1}, {}, Check(test=("/bin/sh", "-c", "1"))),
    ],
)
def test_the_check_is_the_images_unless_asked_otherwise(image, settings, expected):
    assert planned(image, Settings(**settings), ()) == expected


def test_a_line_is_for_the_images_shell():
    found = planned({"Test": ["CMD-SHELL", "x"]}, Settings(), ("/bin/bash", "-c"))
    assert found.test == ("/bin/bash", "-c", "x")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"no_healthcheck": True, "health_cmd": "x"}, "cannot be used with the other"),
        ({"no_healthcheck": True, "health_retries": 2}, "cannot be used with the other"),
        ({"health_interval": 2.0}, "there is no check to change"),
    ],
)
def test_what_cannot_be_checked(settings, reason):
    with pytest.raises(UsageError, match=reason):
        planned(None, Settings(**settings), ())
