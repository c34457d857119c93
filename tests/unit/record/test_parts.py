from __future__ import annotations

import random
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockmagic.record.columns import character_width, keep_head, keep_tail, width, wrapped
from dockmagic.record.escape import instruction_line, log_line, visible
from dockmagic.record.order import reading_order
from dockmagic.record.scale import GIBIBYTE, MEBIBYTE, counted, edge_tenths
from dockmagic.results import HistoryEntry, Image, Layer
from dockmagic.table import decimal_size


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m", "\\x1b[31m"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("\u202egnp", "\\u202egnp"),
        (b"\xff\x80".decode("utf-8", "surrogateescape"), "\\xff\\x80"),
        ("\x85", "\\x85"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("보고서 é 👩", "보고서 é 👩"),
    ],
)
def test_hidden_characters_are_spelled_out(text, shown):
    assert visible(text) == shown


def test_every_control_format_and_surrogate_character_is_hidden():
    kept = [
        chr(code)
        for code in range(0x110000)
        if unicodedata.category(chr(code)) in ("Cc", "Cf", "Cs", "Zl", "Zp") and visible(chr(code)) == chr(code)
    ]
    # Format characters that are drawn: number signs and marks of Arabic, Syriac, Kaithi; shorthand, music, hieroglyphs.
    assert {unicodedata.name(c).split()[0] for c in kept} <= {
        "ARABIC", "SYRIAC", "KAITHI", "SHORTHAND", "MUSICAL", "EGYPTIAN",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("COPY <<EOF /filling\nred bean\nEOF", "COPY <<EOF /filling"),
        ("RUN a && \\\n  b", "RUN a && \\"),
        ("  ENV\tA=1  ", "ENV A=1"),
        ("|1 WHO=x /bin/sh -c make", "RUN make"),
        ("|1 WHO=a /bin/sh -c hidden /bin/sh -c make", "RUN make"),
        ("RUN |2 A=b c=d /bin/bash -euxo pipefail -c make", "RUN /bin/bash -euxo pipefail -c make"),
        ("RUN |1 KEY=hunter2 python3 x.py", "RUN"),
        ("", ""),
        ("\n", ""),
    ],
)
def test_instruction_is_its_first_line_without_build_arguments(text, line):
    assert instruction_line(text) == line


def test_log_line_is_what_was_last_seen():
    assert log_line("10%\r100%\r\n") == "100%"
    assert log_line("\x1b[1;31merror\x1b[0m\x07") == "error\\x07"


@pytest.mark.parametrize(
    ("size", "printed"),
    [
        (0, "0 B"),
        (84, "84 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (3148, "3.1 kB"),
        (3150, "3.2 kB"),
        (99_949, "99.9 kB"),
        (99_950, "100 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (38_600_000, "38.6 MB"),
        (155_000_000, "155 MB"),
        (3_000_000_000, "3.0 GB"),
        (2 * 10**21, "2000 EB"),
    ],
)
def test_sizes_are_decimal(size, printed):
    assert decimal_size(size) == printed


@given(st.integers(0, 10**18))
def test_a_size_is_short(size):
    assert len(decimal_size(size)) <= 7


@pytest.mark.parametrize(
    ("size", "tenths"),
    [
        (0, 0),
        (1, 10),
        (3000, 10),
        (MEBIBYTE, 17),
        (8 * MEBIBYTE, 34),
        (64 * MEBIBYTE, 68),
        (GIBIBYTE, 171),
        (10**15, 171),
    ],
)
def test_edge_is_the_cube_root_of_the_size(size, tenths):
    assert edge_tenths(size) == tenths


@given(st.integers(MEBIBYTE, GIBIBYTE))
def test_edge_is_the_nearest_tenth(size):
    assert abs(edge_tenths(size) - 17 * (size / MEBIBYTE) ** (1 / 3)) <= 3.2 if size > GIBIBYTE * 0.99 else 0.5000001


def test_counted_nouns():
    assert [counted(0, "file"), counted(1, "file"), counted(2310, "file")] == ["0 files", "1 file", "2,310 files"]


def test_paths_are_ordered_by_what_a_reader_came_for():
    wanted = [
        "/app/a", "/b", "/etcetera", "/usrlocal", "/é", "/\udcff",
        "/etc", "/etc/passwd",
        "/root/.cache/x", "/usr/bin/x", "/var", "/var/lib",
    ]  # fmt: skip
    shuffled = wanted[:]
    random.Random(1).shuffle(shuffled)
    assert sorted(shuffled, key=reading_order) == wanted


def test_no_wide_character_counts_as_narrow():
    narrow = [
        hex(code)
        for code in range(0x110000)
        if unicodedata.east_asian_width(chr(code)) in "WF"
        and unicodedata.category(chr(code)) != "Cn"
        and not unicodedata.combining(chr(code))
        and visible(chr(code)) == chr(code)
        and character_width(chr(code)) < 2
    ]
    assert narrow == []


@given(st.text(max_size=200), st.integers(4, 60))
def test_a_cut_text_fits(text, columns):
    for cut in (keep_head(text, columns, "..."), keep_tail(text, columns, "...")):
        assert width(cut) <= columns
    assert keep_head("short", 5, "...") == keep_tail("short", 5, "...") == "short"


def test_a_long_path_keeps_its_last_names():
    assert keep_tail("/a/very/long/path/at/all/index.html", 20, "…") == "…/at/all/index.html"
    assert keep_tail("/한글로된긴경로이름/보고서.txt", 12, "…") == "…/보고서.txt"


def test_korean_is_as_wide_decomposed_as_composed():
    assert width(unicodedata.normalize("NFD", "보고서")) == width("보고서") == 6


def test_a_history_prints_no_number_that_differs_between_machines():
    def entry(instruction, size, **more):
        made = Layer(diff_id="", digest="", size=size, files=1, instruction=instruction, **more)
        return HistoryEntry(created_by=instruction, instruction=instruction, layer=made)

    entries = (
        entry("FROM localhost/base", 19_700_000, host_made=True),
        entry("RUN make", 123, volatile=True),
        entry("COPY a /", 84),
        HistoryEntry(created_by="CMD a", instruction="CMD a", layer=None),
    )
    image = Image(id="sha256:" + "1" * 64, tags=(), layers=(), config={}, digest="", entries=entries)
    assert [re.split(r" {3,}", line)[1] for line in str(image.history()).splitlines()[1:]] == [
        "setting",
        "84 B",
        "-",
        "made from this machine",
    ]


@given(st.text(alphabet="ab 보\u0301", max_size=80), st.integers(2, 20))
def test_wrapping_keeps_every_character_but_blanks(text, columns):
    lines = wrapped(text, columns)
    assert "".join(lines).replace(" ", "") == "".join(text.split())
    assert all(width(line) <= columns for line in lines)


def test_wrapping_breaks_at_blanks():
    assert wrapped("one two three", 8) == ["one two", "three"]
    assert wrapped("", 8) == []
