from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from dockmagic.engine.moments import nanoseconds
from dockmagic.errors import UsageError
from dockmagic.store.log import stamp

NOW = 2_000_000_000_000_000_000
SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10m", NOW - 600 * SECOND),
        ("1h30m", NOW - 5400 * SECOND),
        ("1.5s", NOW - SECOND * 3 // 2),
        ("0", 0),
        ("1136073600", 1_136_073_600 * SECOND),
        ("1136073600.000000001", 1_136_073_600 * SECOND + 1),
        ("1970-01-01T00:00:01Z", SECOND),
        ("1970-01-01T00:00:01.000000006Z", SECOND + 6),
        ("1970-01-01T01:00:01.5+01:00", SECOND * 3 // 2),
        ("2030-01-02T03:04:05.000000006Z", 1_893_553_445_000_000_006),
    ],
)
def test_what_docker_takes_as_a_point_of_time(text, expected):
    assert nanoseconds(text, NOW) == expected


@pytest.mark.parametrize("text", ["2030-01-02", "2030-01-02T03:04", "2030-01-02T03:04:05"])
def test_a_time_without_a_zone_is_this_machines(text):
    assert nanoseconds(text, NOW) == nanoseconds(datetime.fromisoformat(text).astimezone(), NOW)


def test_values_of_python():
    assert nanoseconds(1.5, NOW) == SECOND * 3 // 2
    assert nanoseconds(7, NOW) == 7 * SECOND
    assert nanoseconds(datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))), NOW) == 0
    assert nanoseconds(datetime(2030, 1, 2, 3, 4, 5, 6, tzinfo=UTC), NOW) == 1_893_553_445_000_006_000


def test_what_a_log_shows_can_be_asked_for():
    assert nanoseconds(stamp(NOW + 123_456_789), 0) == NOW + 123_456_789


@pytest.mark.parametrize("text", ["", "soon", "10 m", "2030-13-01", "-", "1e9"])
def test_anything_else_is_refused(text):
    with pytest.raises(UsageError, match="it is no point of time"):
        nanoseconds(text, NOW)
