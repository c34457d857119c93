from __future__ import annotations

import pytest

from dockmagic.dockerfile.lexer.lines import Reader
from dockmagic.magics.cell import split, without_options


def test_a_line_of_three_dashes_cuts_dockerfile_and_script():
    parts = split("FROM a\nRUN b\n---\n#!/bin/sh\necho c\n---\n")
    assert parts.dockerfile == "FROM a\nRUN b\n"
    assert parts.script == "#!/bin/sh\necho c\n---\n"
    assert parts.line == 3


def test_without_the_line_there_is_no_script():
    assert split("FROM a\nRUN echo ---\n").script is None


@pytest.mark.parametrize(
    "body",
    [
        "FROM a\nCOPY <<EOF /x\n---\nEOF\n",
        "FROM a\nRUN <<A cat && <<-B cat\n---\nA\n\t---\n---\n\tB\n",
        "FROM a\nONBUILD RUN <<EOF\n---\nEOF\n",
        'FROM a\nCOPY <<"EOF" <<E2 /x/\n---\nEOF\n---\nE2\n',
    ],
)
def test_a_heredocs_dashes_do_not_cut(body):
    assert split(body).script is None
    assert split(f"{body}---\necho\n").script == "echo\n"
    assert split(f"{body}---\necho\n").dockerfile == body


def test_a_script_may_hold_what_no_dockerfile_could():
    assert split("FROM a\n---\nrun <<EOF\ncopy <<X\n").script == "run <<EOF\ncopy <<X\n"


def test_a_continued_instruction_is_cut_too():
    parts = split("FROM a\nRUN b \\\n---\necho\n")
    assert parts.dockerfile == "FROM a\nRUN b \\\n"
    assert parts.script == "echo\n"


def test_windows_line_ends_and_trailing_blanks_do_not_hide_the_line():
    assert split("FROM a\r\n---\r\necho\r\n").script == "echo\r\n"
    assert split("FROM a\n---  \necho\n").script == "echo\n"
    assert split("FROM a\n ---\necho\n").script is None
    assert split("FROM a\n----\necho\n").script is None


def test_comments_and_empty_lines_before_the_line_are_the_dockerfiles():
    assert split("FROM a\n\n# end\n---\necho\n").dockerfile == "FROM a\n\n# end\n"


def test_a_dockerfile_that_cannot_be_read_stays_whole():
    body = "FROM a\nCOPY <<EOF /x\n---\necho\n"
    assert split(body).dockerfile == body
    assert split("---\necho\n").dockerfile == ""


def test_option_lines_are_taken_out_before_the_directives():
    body = without_options(
        "# dockmagic: -p 8080:80\n#dockmagic: --name 'a b'  \n# escape=`\n# syntax=x\nFROM a\nRUN b\n"
    )
    assert body.header == ("-p 8080:80", "--name 'a b'")
    reader = Reader(body.text)
    assert [d.name for d in reader.directives] == ["escape", "syntax"]
    assert reader.escape == "`"
    assert [(line.code, line.location.line) for line in reader] == [("FROM a", 5), ("RUN b", 6)]


def test_option_lines_between_directives_count_too():
    body = without_options("# syntax=x\n# dockmagic: --keep\n# escape=`\nFROM a\n")
    assert body.header == ("--keep",)
    assert Reader(body.text).escape == "`"
    assert next(iter(Reader(body.text))).location.line == 4


def test_a_shebang_comes_first_again():
    body = without_options("# dockmagic: --keep\n#!/usr/bin/env python3\nprint(1)\n")
    assert body.text == "#!/usr/bin/env python3\n\nprint(1)\n"
    body = without_options("#!/bin/sh\n# dockmagic: --keep\necho\n")
    assert body.header == ("--keep",)


def test_further_down_it_is_a_comment_like_any_other():
    text = "FROM a\n# dockmagic: --keep\n"
    assert without_options(text).text == text
    assert without_options(text).header == ()


def test_a_body_without_option_lines_stays_as_it_is():
    for text in ("", "\n", "# comment\nFROM a", "FROM a\n\n\n", "x\r\n"):
        assert without_options(text).text == text
