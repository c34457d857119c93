from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockmagic.registry import retry
from dockmagic.registry.retry import Policy

NOW = 1_445_412_480.0  # Wed, 21 Oct 2015 07:28:00 GMT


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        ("9" * 30, math.inf),
        ("Wed, 21 Oct 2015 07:28:30 GMT", 30),
        ("Wed, 21 Oct 2015 07:00:00 GMT", 0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header, seconds):
    assert retry.retry_after(header, NOW) == seconds


@given(st.text())
def test_any_header_is_a_time_or_nothing(header):
    found = retry.retry_after(header, NOW)
    assert found is None or found >= 0


def test_pauses_grow_and_end():
    pauses = [retry.pause(Policy(attempts=4, first=1, longest=60), attempt) for attempt in (1, 2, 3, 4)]
    assert pauses == [1, 2, 4, None]


def test_a_short_retry_after_is_heeded_and_a_long_one_ends_it():
    assert retry.pause(Policy(), 1, asked=20) == 20
    assert retry.pause(Policy(longest=60), 1, asked=61) is None
    assert retry.pause(Policy(), 1, asked=math.inf) is None


@given(st.integers(1, 50), st.integers(1, 50), st.floats(0, 1))
def test_no_pause_is_longer_than_the_longest(attempts, attempt, chance):
    found = retry.pause(Policy(attempts=attempts, longest=10), attempt, chance=chance)
    assert found is None or 0 < found <= 10
    assert (found is None) == (attempt >= attempts)


def test_what_may_be_another_answer_soon():
    assert [s for s in range(200, 600) if retry.is_retried(s)] == [408, 425, 429, 499, 500, 502, 503, 504, 522]


@pytest.mark.parametrize(
    ("status", "codes", "retried"),
    [
        (200, (), False),
        (400, (), False),
        (404, (), False),
        (429, (), True),
        (499, (), True),
        (503, ("DENIED",), True),
        (522, (), True),
        (400, ("UNKNOWN",), True),
        (404, ("UNAVAILABLE", "TOOMANYREQUESTS"), True),
        (400, ("UNKNOWN", "DENIED"), False),
        (404, ("MANIFEST_UNKNOWN",), False),
    ],
)
def test_a_moments_trouble_is_told_by_the_status_or_by_all_error_codes(status, codes, retried):
    assert retry.is_retried(status, codes) is retried
