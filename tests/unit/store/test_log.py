from __future__ import annotations

import os

import pytest

from dockmagic.store import log
from dockmagic.store.log import LogReader, LogWriter, Selection, last_lines, marks_path, stamp

SECOND = 1_000_000_000


@pytest.fixture
def clock(monkeypatch):
    """The time of what is written, in seconds; a test sets it."""
    now = [1_000.0]
    monkeypatch.setattr(log.time, "time_ns", lambda: int(now[0] * SECOND))
    return now


def written(path, clock, *pieces):
    with LogWriter(path) as writer:
        for at, data in pieces:
            clock[0] = at
            writer.write(data)


def lines(path, **wanted):
    with LogReader(path, Selection(**wanted)) as reader:
        return reader.read(last=True)


def test_a_line_has_the_time_at_which_it_was_whole(tmp_path, clock):
    path = tmp_path / "log"
    written(path, clock, (1, b"one\ntw"), (2, b"o\nthree"), (3.5, b"\nrest"))
    assert path.read_bytes() == b"one\ntwo\nthree\nrest"
    assert lines(path, timestamps=True) == [
        b"1970-01-01T00:00:01.000000000Z one\n",
        b"1970-01-01T00:00:02.000000000Z two\n",
        b"1970-01-01T00:00:03.500000000Z three\n",
        b"1970-01-01T00:00:03.500000000Z rest",
    ]


def test_since_and_until_take_their_own_moment_in(tmp_path, clock):
    path = tmp_path / "log"
    written(path, clock, (1, b"one\n"), (2, b"two\n"), (3, b"three\n"))
    assert lines(path, since=2 * SECOND) == [b"two\n", b"three\n"]
    assert lines(path, until=2 * SECOND) == [b"one\n", b"two\n"]
    assert lines(path, since=2 * SECOND, until=2 * SECOND) == [b"two\n"]
    assert lines(path, since=4 * SECOND) == []


def test_a_flood_of_single_bytes_has_few_marks(tmp_path, clock):
    path = tmp_path / "log"
    written(path, clock, *((1 + number / 1e5, b"x") for number in range(1000)), (5, b"\n"))
    assert len(marks_path(path).read_bytes()) <= 16 * 12
    assert lines(path, timestamps=True) == [b"1970-01-01T00:00:05.000000000Z " + b"x" * 1000 + b"\n"]


def test_who_follows_gets_whole_lines_and_marks_that_have_grown(tmp_path, clock):
    path = tmp_path / "log"
    with LogWriter(path) as writer, LogReader(path, Selection(timestamps=True)) as reader:
        assert reader.read(last=False) == []
        writer.write(b"one\ntw")
        assert reader.read(last=False) == [b"1970-01-01T00:16:40.000000000Z one\n"]
        writer.write(b"o\n")  # at the same time, so in the same mark
        assert reader.read(last=False) == [b"1970-01-01T00:16:40.000000000Z two\n"]
        writer.write(b"end")
        assert reader.read(last=False) == []
        assert reader.read(last=True) == [b"1970-01-01T00:16:40.000000000Z end"]


def test_who_follows_without_times_gets_pieces_as_they_come(tmp_path):
    path = tmp_path / "log"
    with LogWriter(path) as writer, LogReader(path, Selection()) as reader:
        writer.write(b"50%\r")
        assert reader.read(last=False) == [b"50%\r"]
        writer.write(b"99%\r\n")
        assert reader.read(last=False) == [b"99%\r\n"]


def test_a_line_later_than_wanted_ends_the_wait(tmp_path, clock):
    path = tmp_path / "log"
    with LogWriter(path) as writer, LogReader(path, Selection(until=1_000 * SECOND)) as reader:
        writer.write(b"one\n")
        assert (reader.read(last=False), reader.is_past) == ([b"one\n"], False)
        clock[0] = 1_001
        writer.write(b"two\n")
        assert (reader.read(last=False), reader.is_past) == ([], True)


def test_a_log_goes_on_where_it_ended(tmp_path, clock):
    path = tmp_path / "log"
    written(path, clock, (1, b"one\n"))
    written(path, clock, (2, b"two\n"))
    assert lines(path, since=2 * SECOND) == [b"two\n"]


def test_what_was_written_before_its_mark_counts_as_of_the_mark_before(tmp_path, clock):
    path = tmp_path / "log"
    written(path, clock, (1, b"one\n"), (2, b"two\n"))
    marks = marks_path(path)
    marks.write_bytes(marks.read_bytes()[:-3])  # as a killed writer leaves it
    with LogReader(path, Selection(since=0)) as reader:
        assert reader.read(last=False) == [b"one\n"]
    assert lines(path, until=1 * SECOND) == [b"one\n", b"two\n"]
    written(path, clock, (3, b"three\n"))
    assert lines(path, since=3 * SECOND) == [b"two\n", b"three\n"]


def test_a_log_without_marks_counts_as_of_its_last_change(tmp_path, clock):
    path = tmp_path / "log"
    path.write_bytes(b"old\n")
    os.utime(path, (7, 7))
    assert lines(path, timestamps=True) == [b"1970-01-01T00:00:07.000000000Z old\n"]
    written(path, clock, (9, b"new\n"))
    assert lines(path, since=8 * SECOND) == [b"new\n"]


def test_lines_end_at_newlines_alone(tmp_path, clock):
    path = tmp_path / "log"
    written(path, clock, (1, "10%\r20%\r\n\x0bnext\N{LINE SEPARATOR}one\n".encode()))
    found = lines(path)
    assert len(found) == 2
    assert last_lines(found, 1) == ["\x0bnext\N{LINE SEPARATOR}one\n".encode()]
    assert (last_lines(found, 0), last_lines(found, None)) == ([], found)


def test_a_stamp_has_nine_digits():
    assert stamp(1_893_553_445_000_000_006) == "2030-01-02T03:04:05.000000006Z"
