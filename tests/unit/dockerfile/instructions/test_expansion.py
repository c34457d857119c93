from __future__ import annotations

import pytest

from dockmagic.dockerfile import instructions as ins
from dockmagic.dockerfile.parser import parse
from dockmagic.errors import DockerfileError

ENV = {"A": "alpha", "B": "two words", "P": "80 443/udp"}


def expand(text, escape="\\"):
    return ins.expand(ins.parse_instruction(parse(text).nodes[-1]), ENV, escape)


def test_the_original_stays_as_it_is():
    before = ins.parse_instruction(parse("WORKDIR /$A").nodes[0])
    after = ins.expand(before, ENV)
    assert (before.path, after.path) == ("/$A", "/alpha")
    assert (after.source, after.location) == (before.source, before.location)


def test_from_expands_base_and_platform_not_its_name():
    instruction = expand("FROM --platform=$A ${A}:1 AS a")
    assert (instruction.base, instruction.platform, instruction.name) == ("alpha:1", "alpha", "a")


def test_env_and_label_expand_names_and_values_and_lose_quotes():
    pairs = expand("ENV $A='$A' x=\"$B\" y=a\\ b").pairs
    assert [(pair.name, pair.value) for pair in pairs] == [("alpha", "$A"), ("x", "two words"), ("y", "a b")]
    assert expand("LABEL old ${A} way").pairs[0].value == "alpha way"


def test_arg_expands_defaults():
    definitions = expand("ARG x=$A y z='q'").definitions
    assert [(each.name, each.value) for each in definitions] == [("x", "alpha"), ("y", None), ("z", "q")]


def test_copy_expands_paths_owners_and_patterns():
    instruction = expand("COPY --from=$A --chown=$A:g --chmod=$A --exclude=$A a/$A 'q' /$A/")
    assert (instruction.from_, instruction.chown, instruction.chmod) == ("alpha", "alpha:g", "alpha")
    assert (instruction.sources, instruction.destination) == (("a/alpha", "q"), "/alpha/")
    assert instruction.exclude == ("alpha",)


def test_a_value_with_spaces_stays_one_path():
    assert expand("COPY $B /to/").sources == ("two words",)


def test_add_expands_its_checksum():
    assert expand("ADD --checksum=sha256:$A x y").checksum == "sha256:alpha"


def test_bodies_of_copy_expand_unless_the_delimiter_is_quoted():
    first, second = expand('COPY <<X <<\'Y\' /to/\n"$A" \\$A\nX\n"$A" \\$A\nY\n').inline
    assert (first.data, second.data) == ('"alpha" $A\n', '"$A" \\$A\n')


def test_a_body_uses_the_backslash_whatever_the_directive_says():
    assert expand("# escape=`\nCOPY <<X /to/\n\\$A `$A\nX\n", "`").inline[0].data == "$A `alpha\n"


def test_expose_cuts_words_after_expanding():
    assert expand("EXPOSE $P 1").ports == ("80", "443/udp", "1")


def test_settings():
    assert expand("USER $A").user == "alpha"
    assert expand("VOLUME /$A /b").paths == ("/alpha", "/b")
    assert expand("STOPSIGNAL $A").signal == "alpha"


def test_mounts_are_read_again():
    mount = expand("RUN --mount=type=cache,target=/$A,id=$B ls").mounts[0]
    assert (mount.target, mount.id, mount.pending) == ("/alpha", "two words", False)


@pytest.mark.parametrize(
    "text",
    [
        "RUN echo $A",
        'RUN ["$A"]',
        "RUN <<X\n$A\nX\n",
        "CMD $A",
        'ENTRYPOINT ["$A"]',
        "HEALTHCHECK CMD $A",
        'SHELL ["$A"]',
        "ONBUILD ENV a=$A",
        "MAINTAINER $A",
    ],
)
def test_what_is_left_to_the_shell_or_to_later(text):
    instruction = ins.parse_instruction(parse(text).nodes[0])
    assert ins.expand(instruction, ENV) == instruction


def test_errors_stand_at_the_instruction():
    with pytest.raises(
        DockerfileError, match=r'^line 2: failed to process "\$\{X\?unset here\}": X: unset here'
    ) as caught:
        expand("FROM a\nWORKDIR ${X?unset here}")
    assert caught.value.location.line == 2


def test_a_bad_mount_stands_at_the_instruction():
    with pytest.raises(DockerfileError, match=r"^line 1: unsupported mount type"):
        expand("RUN --mount=type=$A ls")
