"""Whatever comes in: a result or a DockerfileError, and soon."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dockmagic.dockerfile import instructions
from dockmagic.dockerfile.parser import dump, parse, words
from dockmagic.dockerfile.stages import parse_stages
from dockmagic.errors import DockerfileError

TOKENS = st.sampled_from(
    [
        *[
            "FROM",
            "RUN",
            "COPY",
            "ADD",
            "ENV",
            "ARG",
            "LABEL",
            "WORKDIR",
            "USER",
            "CMD",
            "ENTRYPOINT",
            "SHELL",
            "EXPOSE",
            "VOLUME",
            "STOPSIGNAL",
        ],
        *[
            "HEALTHCHECK",
            "ONBUILD",
            "MAINTAINER",
            "NONE",
            "AS",
            "<<EOF",
            "<<-'EOF'",
            "EOF",
            "\\",
            "`",
            "#",
            "#escape=`",
            "#",
            "--mount=",
            "--from=0",
            "--from=x",
        ],
        *[" ", "\n", "\r\n", "\t", "\0", "\ufeff", "'", '"', "[", "]", ",", "=", "$", "${", "}", ":", "/", "a", "0"],
        *["\nFROM a AS x\n", '["a", "b"]', "--mount=type=cache,target=", "--interval=", "${A:-", "${A//", "<<"],
    ],
)
TEXTS = st.lists(TOKENS, max_size=40).map("".join)


@given(st.one_of(st.text(), TEXTS))
@example("\ud800FROM \udfff")
def test_parsing_raises_nothing_else(text):
    with contextlib.suppress(DockerfileError):
        assert dump(parse(text))


@given(TEXTS)
def test_stages_and_expansion_raise_nothing_else(text):
    with contextlib.suppress(DockerfileError):
        stages = parse_stages(f"FROM a\n{text}")
        for stage in stages.order(stages.target()):
            for instruction in stage.instructions:
                with contextlib.suppress(DockerfileError):
                    instructions.expand(instruction, {"A": "x y"}, stages.escape)


@given(st.binary())
def test_garbage_raises_nothing_else(garbage):
    with contextlib.suppress(DockerfileError):
        parse_stages(garbage.decode("utf-8", "surrogateescape"))


@given(TEXTS)
def test_locations_stay_within_the_text(text):
    try:
        dockerfile = parse(text)
    except DockerfileError as error:
        assert error.location is None or 1 <= error.location.line <= text.count("\n") + 1  # noqa: PT017
    else:
        ends = [0, *(node.location.end_line for node in dockerfile.nodes)]
        assert all(node.location.line > end for node, end in zip(dockerfile.nodes, ends, strict=False))
        assert ends[-1] <= text.count("\n") + 1


@given(st.lists(st.text(alphabet="abc'\"\\ =", min_size=1).map(lambda text: "'" + text.replace("'", "") + "'")))
def test_words_round_trip(quoted):
    assert words(" ".join(quoted)) == tuple(quoted)


def hostile():
    mebibyte = 1024 * 1024
    yield "a line of 10 MB", "FROM a\nRUN " + "a" * 10 * mebibyte
    yield "more than 16 MiB", "FROM a\n" + "RUN a\n" * 3 * mebibyte
    yield "one instruction of many lines", "FROM a\nENV " + "x=y \\\n" * 200_000
    yield "a long directive", "# escape=a" + " " * 60_000 + "b\nFROM a"
    yield "many here-documents", "FROM a\nRUN" + " <<A" * 10_000 + "\n" + "A\n" * 10_000
    yield "open quotes", "FROM a\nENV " + "a=\"'" * 15_000
    yield "deep JSON", "FROM a\nRUN " + "[" * 60_000
    yield "nested ONBUILD", "FROM a\n" + "ONBUILD " * 8_000 + "RUN a"
    yield "many flags", "FROM a\nRUN " + "--mount=type=cache,target=/x " * 2_000 + "x"
    yield "many unterminated here-documents", "FROM a\n" + "RUN <<A\n" * 100_000
    yield "NUL bytes", "FROM a\nRUN \0\0\nENV a=\0"


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in hostile()])
def test_hostile_texts_end_soon(text):
    start = time.monotonic()
    with contextlib.suppress(DockerfileError):
        parse_stages(text)
    assert time.monotonic() - start < 60


def test_five_thousand_instructions_are_read():
    block = (
        'RUN apt-get update && \\\n  true\nENV A=1 B="x y" C=$A\nCOPY --chown=a:b --from=x a b /c/\nLABEL a=b\nUSER a\n'
    )
    stage = parse_stages("FROM a\n" + block * 1_000).target()
    assert len(stage.instructions) == 5_000
    assert stage.instructions[-1].location.line == 6_001


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("FROM a\n" + "RUN a\n" * 3 * 1024 * 1024, "larger than max allowed size of 16777216"),
        ("FROM a\nRUN <<EOF\necho\n", "unterminated heredoc"),
        ("FROM b AS a\nCOPY --from=a x x\n", "circular dependency"),
        ("FROM a\nONBUILD ONBUILD RUN x\n", "ONBUILD"),
        ("\0\1\2 \xff\n", "unknown instruction"),
    ],
)
def test_what_cannot_be_read_says_why(text, says):
    with pytest.raises(DockerfileError, match=says):
        parse_stages(text).order(parse_stages(text).target())
