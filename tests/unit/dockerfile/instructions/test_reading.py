from __future__ import annotations

import pytest

from dockmagic.dockerfile import instructions as ins
from dockmagic.dockerfile.parser import parse
from dockmagic.errors import DockerfileError


def read(text):
    return ins.parse_instruction(parse(text).nodes[0])


def test_from_with_everything():
    instruction = read("# oven for bread\nFROM --platform=linux/arm64 base:1 As Oven")
    assert isinstance(instruction, ins.From)
    assert (instruction.base, instruction.platform) == ("base:1", "linux/arm64")
    assert (instruction.name, instruction.written_name, instruction.comment) == ("oven", "Oven", "for bread")


def test_run_in_shell_form():
    instruction = read("RUN make \\\n  all")
    assert isinstance(instruction, ins.Run)
    assert (instruction.command, instruction.shell_form) == (("make   all",), True)
    assert (instruction.source, instruction.code) == ("RUN make \\", "RUN make   all")
    assert (instruction.network, instruction.security, instruction.flags_used) == ("default", "sandbox", ())


def test_run_in_exec_form_with_flags():
    text = 'RUN --network=none --device=gpu,required --mount=type=tmpfs,target=/t --mount=target=/u ["ls", "-a"]'
    instruction = read(text)
    assert isinstance(instruction, ins.Run)
    assert (instruction.command, instruction.shell_form) == (("ls", "-a"), False)
    assert instruction.flags_used == ("network", "device", "mount")
    assert [mount.type for mount in instruction.mounts] == ["tmpfs", "bind"]
    assert instruction.devices == (ins.Device(name="gpu", required=True),)


def test_run_keeps_heredocs_as_written():
    instruction = read("RUN <<-A\n\techo $X\nA\n")
    assert isinstance(instruction, ins.Run)
    assert [(each.content, each.body) for each in instruction.heredocs] == [("\techo $X\n", "echo $X\n")]


def test_copy_with_all_flags():
    instruction = read(
        "COPY --from=x --chown=a:b --chmod=644 --link --parents --exclude=*.o --exclude=*.a src/ lib/ /to/",
    )
    assert isinstance(instruction, ins.Copy)
    assert (instruction.sources, instruction.destination) == (("src/", "lib/"), "/to/")
    assert (instruction.from_, instruction.chown, instruction.chmod) == ("x", "a:b", "644")
    assert (instruction.link, instruction.parents, instruction.exclude) == (True, True, ("*.o", "*.a"))


def test_copy_tells_paths_from_heredocs():
    instruction = read("COPY one << 'a b' two <<-C /to/\n1\na b\n\t2\nC\n")
    assert isinstance(instruction, ins.Copy)
    assert instruction.sources == ("one", "two")
    assert instruction.inline == (
        ins.Inline(path="a b", data="1\n", expand=False),
        ins.Inline(path="C", data="2\n", expand=True),
    )


def test_add_with_all_flags():
    instruction = read("ADD --keep-git-dir=false --checksum=sha256:00 --unpack https://x/y /to")
    assert isinstance(instruction, ins.Add)
    assert (instruction.keep_git_dir, instruction.checksum, instruction.unpack) == (False, "sha256:00", True)


def test_pairs_keep_quotes_and_form():
    env, label = read("ENV a='1 2' b="), read("LABEL name a value")
    assert isinstance(env, ins.Env)
    assert isinstance(label, ins.Label)
    assert env.pairs == (ins.Pair(name="a", value="'1 2'"), ins.Pair(name="b", value=""))
    assert label.pairs == (ins.Pair(name="name", value="a value", separator=""),)


def test_arg_with_defaults_and_documentation():
    instruction = read("# b what b is\nARG a b=1 c=")
    assert isinstance(instruction, ins.Arg)
    assert instruction.definitions == (
        ins.Definition(name="a"),
        ins.Definition(name="b", value="1", comment="what b is"),
        ins.Definition(name="c", value=""),
    )


def test_healthcheck_options_are_nanoseconds():
    instruction = read("HEALTHCHECK --interval=1m30s --timeout=500ms --start-period=0 --retries=3 CMD true")
    assert isinstance(instruction, ins.Healthcheck)
    assert instruction.test == ("CMD-SHELL", "true")
    assert (instruction.interval, instruction.timeout, instruction.start_period) == (90_000_000_000, 500_000_000, 0)
    assert instruction.retries == 3


@pytest.mark.parametrize(
    ("text", "test"),
    [("HEALTHCHECK none", ("NONE",)), ('HEALTHCHECK cmd ["a", "b"]', ("CMD", "a", "b"))],
)
def test_healthcheck_forms(text, test):
    instruction = read(text)
    assert isinstance(instruction, ins.Healthcheck)
    assert instruction.test == test


def test_onbuild_keeps_the_instruction_with_its_body():
    instruction = read("onbuild RUN --network=none <<A\nx\nA\n")
    assert isinstance(instruction, ins.OnBuild)
    assert instruction.expression == "RUN --network=none <<A\nx\nA"
    trigger = ins.parse_trigger(instruction.expression)
    assert isinstance(trigger, ins.Run)
    assert trigger.heredocs[0].content == "x\n"


@pytest.mark.parametrize(
    ("expression", "reason"),
    [("FROB x", "unknown instruction: FROB"), ("RUN a\nRUN b", "2 instructions instead of one"), ("", "no instruc")],
)
def test_a_trigger_is_one_instruction(expression, reason):
    with pytest.raises(DockerfileError, match=reason):
        ins.parse_trigger(expression)


def test_settings():
    assert read("WORKDIR /a b").path == "/a b"
    assert read("USER a:b").user == "a:b"
    assert read("STOPSIGNAL 9").signal == "9"
    assert read("MAINTAINER A <a@example.org>").maintainer == "A <a@example.org>"
    assert read('SHELL ["sh", "-c"]').command == ("sh", "-c")
    assert read("EXPOSE 80 443/tcp").ports == ("443/tcp", "80")
    assert read('VOLUME ["/a", " /b "]').paths == ("/a", "/b")
    assert read("CMD []").command == ()
    assert read('ENTRYPOINT ["a"]').shell_form is False
    assert read("entrypoint a").keyword == "ENTRYPOINT"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("RUM a", "unknown instruction: RUM (did you mean RUN?)"),
        ("rum a", "unknown instruction: rum (did you mean run?)"),
        ("Rum a", "unknown instruction: Rum (did you mean run?)"),
        ("SOMETHING", "unknown instruction: SOMETHING"),
        ("FROM", "FROM requires either one or three arguments"),
        ("FROM a b c", "FROM requires either one or three arguments"),
        ("FROM a AS 1b", 'invalid name for build stage: "1b", name can\'t start with a number or contain symbols'),
        ("FROM --plattform=x a", "unknown flag: --plattform (did you mean platform?)"),
        ("RUN --network=bridge a", 'invalid network mode "bridge"'),
        ("RUN --security=secure a", 'security mode is not valid: "secure" (did you mean insecure?)'),
        (
            "COPY a",
            "COPY requires at least two arguments, but only one was provided. Destination could not be determined",
        ),
        ("COPY a <<B\nB\n", "COPY cannot accept a heredoc as a destination"),
        ("ENV", "ENV requires at least one argument"),
        ("ENV =a", "ENV names can not be blank"),
        ("ENV --a b=c", "unknown flag: --a"),
        ("LABEL", "LABEL requires at least one argument"),
        ("ARG", "ARG requires at least one argument"),
        ("ARG =a", "ARG names can not be blank"),
        ("WORKDIR", "WORKDIR requires exactly one argument"),
        ("USER", "USER requires exactly one argument"),
        ("STOPSIGNAL", "STOPSIGNAL requires exactly one argument"),
        ("MAINTAINER", "MAINTAINER requires exactly one argument"),
        ("EXPOSE", "EXPOSE requires at least one argument"),
        ("VOLUME", "VOLUME requires at least one argument"),
        ('VOLUME [""]', "VOLUME specified can not be an empty string"),
        ("SHELL []", "SHELL requires at least one argument"),
        ("SHELL sh -c", "SHELL requires the arguments to be in JSON form"),
        ("ONBUILD", "ONBUILD requires at least one argument"),
        ("ONBUILD ONBUILD RUN a", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"),
        ("ONBUILD from a", "FROM isn't allowed as an ONBUILD trigger"),
        ("ONBUILD MAINTAINER a", "MAINTAINER isn't allowed as an ONBUILD trigger"),
        ("HEALTHCHECK", "HEALTHCHECK requires at least one argument"),
        ("HEALTHCHECK NONE a", "HEALTHCHECK NONE takes no arguments"),
        ("HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD"),
        ("HEALTHCHECK EXEC a", 'Unknown type "EXEC" in HEALTHCHECK (try CMD)'),
        ("HEALTHCHECK --interval=1us CMD a", 'Interval "interval" cannot be less than 1ms'),
        ("HEALTHCHECK --timeout=soon CMD a", 'time: invalid duration "soon"'),
        ("HEALTHCHECK --retries=-1 CMD a", "--retries cannot be negative (-1)"),
        ("HEALTHCHECK --retries=x CMD a", 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("HEALTHCHECK --interval=5 CMD a", 'time: missing unit in duration "5"'),
    ],
)
def test_errors(text, reason):
    with pytest.raises(DockerfileError) as caught:
        read(text)
    assert str(caught.value) == f"line 1: {reason}"
    assert caught.value.location is not None
