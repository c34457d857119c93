from __future__ import annotations

import pytest

from dockmagic.engine.contents import unified
from dockmagic.listing import Content


def file(data, *, size=None, kind="-"):
    return Content(kind=kind, size=len(data) if size is None else size, data=data)


def lines(then, now):
    return "".join(unified("/a", then, now))


def test_changed_lines_stand_as_diff_has_them():
    assert lines(file(b"one\ntwo\nthree\n"), file(b"one\n2\nthree\n")) == (
        "--- /a\n+++ /a\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n"
    )


def test_what_came_and_what_went():
    assert lines(None, file(b"new\n")) == "--- /dev/null\n+++ /a\n@@ -0,0 +1 @@\n+new\n"
    assert lines(file(b"old\n"), None) == "--- /a\n+++ /dev/null\n@@ -1 +0,0 @@\n-old\n"


def test_a_last_line_without_an_end_says_so():
    assert lines(file(b"a\n"), file(b"a")).endswith("-a\n+a\n\\ No newline at end of file\n")


def test_a_form_feed_ends_no_line():
    assert "+a\x0cb\n" in lines(file(b""), file(b"a\x0cb\n"))


def test_links_tell_where_they_lead():
    assert lines(file(b"x", kind="l"), file(b"y", kind="l")).endswith("--> x\n+-> y\n")


@pytest.mark.parametrize("data", [b"\0", b"\xff\xfe", b"x\n" * 5000])
def test_what_is_no_text_is_not_printed(data):
    assert lines(file(b""), file(data)) == "  no text, or too many lines\n"


def test_what_is_too_large_is_not_read():
    assert lines(file(b"a\n"), file(b"b\n", size=1 << 30)) == "  too large to be compared by lines\n"


def test_the_same_content_has_no_lines():
    assert lines(file(b"a\n"), file(b"a\n")) == ""
    assert lines(None, None) == ""
    assert lines(None, file(b"")) == ""
