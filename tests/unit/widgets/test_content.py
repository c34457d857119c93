from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from dockmagic.listing import Content
from dockmagic.widgets.content import COMPARED_BYTES, difference, shown


def file(data: bytes, size: int | None = None) -> Content:
    return Content(kind="-", size=len(data) if size is None else size, data=data)


def test_text_is_shown_in_lines_with_everything_hidden_spelled_out():
    told = shown(file(b"plain\n\ttab\x1b[31m\r\nbidi \xe2\x80\xae\n"))
    assert told["type"] == "text"
    assert told["lines"] == ["plain", "        tab\\x1b[31m", "bidi \\u202e"]
    assert not told["cut"]


def test_only_a_line_feed_ends_a_line():
    told = shown(file("one\x0b\u2028\rstill one\ntwo".encode()))
    assert told["lines"] == ["one\\x0b\\u2028\\rstill one", "two"]


def test_the_beginning_of_a_large_file_says_that_there_is_more():
    told = shown(file(b"x" * 100 + "é".encode()[:1], size=5_000_000))
    assert (told["type"], told["cut"], told["words"]) == ("text", True, "5.0 MB, the beginning")
    assert len(shown(file(b"\n" * 5000))["lines"]) == 1000
    assert shown(file(b"y" * 9000))["lines"][0] == "y" * 500 + "…"


def test_bytes_that_are_no_text_are_shown_as_a_hex_dump():
    told = shown(file(b"\x7fELF\0\xff" + b"a" * 1000))
    assert told["type"] == "binary"
    assert told["lines"][0] == "00000000  7f 45 4c 46 00 ff 61 61 61 61 61 61 61 61 61 61  .ELF..aaaaaaaaaa"
    assert told["words"] == "binary, 1.0 kB; the first 256 bytes"


def test_links_directories_and_empty_files_are_told_in_words():
    assert shown(Content(kind="l", size=3, data=b"../a\n"))["lines"] == ["../a\\n"]
    assert shown(Content(kind="p", size=0, data=b""))["words"] == "a named pipe"
    assert shown(file(b""))["words"] == "an empty file"


def test_a_difference_has_the_changed_lines_and_three_around_them():
    before = "".join(f"{number}\n" for number in range(20))
    told = difference(file(before.encode()), file(before.replace("10\n", "ten\nmore\n").encode()))
    assert [(line["op"], line["old"], line["new"], line["text"]) for line in told["lines"]] == [
        ("@", 8, 8, ""),
        (" ", 8, 8, "7"),
        (" ", 9, 9, "8"),
        (" ", 10, 10, "9"),
        ("-", 11, None, "10"),
        ("+", None, 11, "ten"),
        ("+", None, 12, "more"),
        (" ", 12, 13, "11"),
        (" ", 13, 14, "12"),
        (" ", 14, 15, "13"),
    ]


def test_a_file_that_was_not_there_is_all_new():
    told = difference(None, file(b"a\nb\n"))
    assert [(line["op"], line["text"]) for line in told["lines"]] == [("+", "a"), ("+", "b")]
    assert told["words"] == "nothing → 4 B"


def test_what_cannot_be_compared_says_why():
    assert difference(file(b"\0"), file(b"a"))["words"] == "binary, 1 B → 1 B"
    large = file(b"", size=COMPARED_BYTES + 1)
    assert difference(large, file(b"a"))["words"] == "too large to compare, 262 kB → 1 B"
    assert difference(file(b"a"), file(b"a"))["words"] == "the content is the same"
    assert difference(file(b"a\r\n"), file(b"a\n"))["words"] == "only the line ends differ"
    assert difference(Content(kind="l", size=1, data=b"a"), file(b"a"))["words"] == "it was another kind of file"


def test_a_long_difference_is_cut_and_says_so():
    told = difference(file(b"a\n" * 3000), file(b"b\n" * 3000))
    assert (len(told["lines"]), told["cut"]) == (400, True)


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_nothing_of_any_content_reaches_a_page_hidden(first, second):
    for told in (shown(file(first)), difference(file(first), file(second))):
        text = json.dumps(told, ensure_ascii=False)
        assert not any(
            ord(letter) < 0x20 or 0x7F <= ord(letter) < 0xA0 or 0x2028 <= ord(letter) <= 0x202E for letter in text
        )
