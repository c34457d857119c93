from __future__ import annotations

import pytest

from dockmagic.dockerfile.lexer.heredoc import Heredoc, chomp, heredocs_of, parse_heredoc_word, without_heredocs
from dockmagic.errors import DockerfileError


@pytest.mark.parametrize(
    ("word", "heredoc"),
    [
        ("<<A", Heredoc(name="A")),
        ("<<-A", Heredoc(name="A", chomp=True)),
        ("5<<A", Heredoc(name="A", descriptor=5)),
        ("<<'A'", Heredoc(name="A", expand=False)),
        ('<<"A b"', Heredoc(name="A b", expand=False)),
        ("<<A'b'c", Heredoc(name="Abc", expand=False)),
        ("<<A\\'b", Heredoc(name="A'b")),
        ('<<"a\\"b"', Heredoc(name='a"b', expand=False)),
        ("<<$A", Heredoc(name="$A")),
        ("<<  A", Heredoc(name="A")),
        ("9" * 5000 + "<<A", Heredoc(name="A", descriptor=999_999_999)),
    ],
)
def test_a_word_that_starts_one(word, heredoc):
    assert parse_heredoc_word(word) == heredoc


@pytest.mark.parametrize("word", ["", "A", "<A", "<<", "<<-", "<<<A", "<<A<B", "a<<A", "<<A b", "<<''"])
def test_a_word_that_starts_none(word):
    assert parse_heredoc_word(word) is None


@pytest.mark.parametrize("word", ["<<'A", '<<"A', "<<A'", '<<A"'])
def test_a_delimiter_with_an_open_quote_is_an_error(word):
    with pytest.raises(DockerfileError, match=r"matching (single|double)-quote"):
        parse_heredoc_word(word)


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("RUN <<A <<B", ["A", "B"]),
        ("RUN << A", ["A"]),
        ("RUN <<- A", ["A"]),
        ("RUN << -A", ["-A"]),
        ("RUN x<<A", []),
        ("RUN '<<A' \"<<B\" \\<<C", []),
        ("RUN it's <<A", []),
        ("RUN echo $((1<<2)) <<A", ["A"]),
        ("RUN cat a<b", []),
    ],
)
def test_words_of_a_line(line, names):
    assert [heredoc.name for heredoc in heredocs_of(line)] == names


def test_chomp_takes_leading_tabs_of_every_line():
    assert chomp("\t\ta\n \tb\n\tc") == "a\n \tb\nc"


def test_body_is_chomped_only_where_asked_for():
    assert Heredoc(name="A", content="\ta\n").body == "\ta\n"
    assert Heredoc(name="A", content="\ta\n", chomp=True).body == "a\n"


def test_the_other_words_stay():
    assert without_heredocs("a <<X << 'y z' b /to/") == ("a   b /to/", False)
    assert without_heredocs("a <<X") == ("a ", True)


def test_a_long_run_of_spaces_is_no_trouble():
    assert heredocs_of("RUN <<" + " " * 60_000 + "<") == ()
