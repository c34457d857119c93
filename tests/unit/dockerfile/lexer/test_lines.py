from __future__ import annotations

import pytest

from dockmagic.dockerfile.lexer.lines import MAX_LINE, MAX_TEXT, Reader, split_command
from dockmagic.errors import DockerfileError


def codes(text):
    return [line.code for line in Reader(text)]


def spans(text, **options):
    return [(line.location.line, line.location.end_line) for line in Reader(text, **options)]


def test_continuations_are_joined_without_space_and_keep_indentation():
    assert codes("RUN a\\\n  b \\  \nc\n") == ["RUN a  b c"]


def test_a_doubled_escape_does_not_continue():
    assert codes("RUN a\\\\\nRUN b") == ["RUN a\\\\", "RUN b"]


def test_comments_and_empty_lines_vanish_also_within_a_continuation():
    assert codes("# one\n\nRUN a\\\n  # two\n\nb\n") == ["RUN ab"]


def test_an_empty_line_within_a_continuation_is_marked():
    assert [line.gap for line in Reader("RUN a\\\n\nb\nRUN a\\\n# c\nb")] == [True, False]


def test_a_continuation_may_reach_the_end():
    assert codes("RUN a \\") == ["RUN a "]


def test_the_other_escape_character():
    assert codes("# escape=`\nRUN a`\nb\\\nRUN c") == ["RUN ab\\", "RUN c"]


def test_locations_count_physical_lines():
    text = "\n# c\nFROM a\nRUN b\\\n\\\nc\nCOPY <<X /\nx\nX\nRUN d"
    assert spans(text) == [(3, 3), (4, 6), (7, 9), (10, 10)]
    assert spans(text, first_line=11)[0] == (13, 13)


def test_carriage_returns_end_lines_but_stay_in_bodies():
    lines = list(Reader("RUN a\\\r\nb\r\nRUN <<X\r\nx\r\nX\r\n"))
    assert [line.code for line in lines] == ["RUN ab", "RUN <<X"]
    assert lines[1].heredocs[0].content == "x\r\n"


def test_comments_above_an_instruction_are_kept_until_an_empty_one():
    text = "# escape=`\n# gone\n#\n# base the base\n#more\nFROM a AS base\nRUN b"
    assert [line.comments for line in Reader(text)] == [("base the base", "more"), ()]


def test_bodies_are_read_in_order():
    (line,) = Reader("COPY <<A <<-B /\nB\nA\n\tb\n\tB\n")
    assert [(each.name, each.content) for each in line.heredocs] == [("A", "B\n"), ("B", "\tb\n")]


@pytest.mark.parametrize("code", ['RUN ["<<A"]', "USER <<A", "ENV A=<<A", "ONBUILD USER <<A", 'RUN [1, "<<A"]'])
def test_no_body_where_none_can_be(code):
    lines = list(Reader(f"{code}\nA\n"))
    assert [line.code for line in lines] == [code, "A"]
    assert lines[0].heredocs == ()


def test_an_unterminated_body_is_an_error():
    with pytest.raises(DockerfileError, match="line 2: unterminated heredoc: no line A ends it"):
        codes("FROM a\nRUN <<A\n A\n")


def test_a_line_of_the_greatest_length():
    assert len(codes("RUN " + "a" * (MAX_LINE - 4) + "\n")[0]) == MAX_LINE
    with pytest.raises(DockerfileError, match="line 1: dockerfile line greater than max allowed size of 65535"):
        codes("RUN " + "é" * (MAX_LINE // 2))


def test_a_text_that_is_too_large():
    with pytest.raises(DockerfileError, match="larger than max allowed size"):
        Reader("#\n" * (MAX_TEXT // 2 + 1))
    with pytest.raises(DockerfileError, match="larger than max allowed size"):
        Reader("é\n" * (MAX_TEXT // 3 + 1))


@pytest.mark.parametrize(
    ("code", "name", "flags", "rest"),
    [
        ("RUN a b", "RUN", (), "a b"),
        ("  run\t a  ", "run", (), "a"),
        ("RUN", "RUN", (), ""),
        ("RUN --a --b=c d --e", "RUN", ("--a", "--b=c"), "d --e"),
        ("RUN --a='b c' d", "RUN", ("--a=b c",), "d"),
        ('RUN --a="b\\"c"\\ d e', "RUN", ('--a=b"c d',), "e"),
        ("RUN --a -- --b", "RUN", ("--a",), "--b"),
        ("RUN --a='open b", "RUN", ("--a=open b",), ""),
        ("RUN --a\\", "RUN", ("--a",), ""),
        ("RUN -a", "RUN", (), "-a"),
        ("", "", (), ""),
    ],
)
def test_command_flags_and_rest(code, name, flags, rest):
    command = split_command(code)
    assert (command.name, command.flags, command.rest) == (name, flags, rest)
