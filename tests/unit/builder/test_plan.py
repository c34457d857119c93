"""What a Dockerfile will do, decided before anything is done."""

from __future__ import annotations

import pytest

from dockmagic.builder.plan import draft
from dockmagic.builder.scope import DEFAULT_PATH
from dockmagic.errors import DockerfileError
from dockmagic.oci.config import ContainerConfig
from tests.unit.builder.planning import BASE, config, last, planned, request, rows


def test_shell_form_goes_through_the_shell_and_exec_form_does_not():
    assert last("FROM b\nRUN echo $A\n").action.argv == ("/bin/sh", "-c", "echo $A")
    assert last('FROM b\nRUN ["echo", "$A"]\n').action.argv == ("echo", "$A")
    assert last('FROM b\nSHELL ["/bin/bash", "-c"]\nRUN x\n').action.argv == ("/bin/bash", "-c", "x")


def test_the_shell_of_the_base_image_counts():
    base = ContainerConfig(shell=("/bin/bash", "-ec"))
    assert last("FROM b\nRUN x\n", base=base).action.argv == ("/bin/bash", "-ec", "x")


def test_a_heredoc_alone_is_the_shells_script():
    assert last("FROM b\nRUN <<EOF\nset -e\necho $A\nEOF\n").action.argv == ("/bin/sh", "-c", "set -e\necho $A\n")
    assert last("FROM b\nRUN <<-EOF\n\techo a\n\tEOF\n").action.argv[-1] == "echo a\n"


def test_a_heredoc_with_a_shebang_is_a_program():
    action = last("FROM b\nRUN <<EOF\n#!/usr/bin/env python3\nprint(1)\nEOF\n").action
    assert action.files == (("EOF", b"#!/usr/bin/env python3\nprint(1)\n"),)
    assert action.argv == ("/bin/sh", "-c", "/run/dockmagic/EOF")


def test_a_heredoc_among_words_is_left_to_the_shell():
    assert last("FROM b\nRUN cat <<EOF > /x\na\nEOF\n").action.argv[-1] == "cat <<EOF > /x\na\nEOF"
    two = last("FROM b\nRUN cat <<A && cat <<B\na\nA\nb\nB\n").action
    assert two.argv[-1] == "cat <<A && cat <<B\na\nA\nb\nB"


def test_run_sees_the_images_environment_the_arguments_and_the_epoch():
    action = last("FROM b\nARG WHO=me\nENV A=1\nRUN x\n").action
    assert action.env == {"PATH": "/bin", "FROM_BASE": "1", "A": "1", "WHO": "me", "SOURCE_DATE_EPOCH": "315532800"}


@pytest.mark.parametrize(
    ("text", "given", "value"),
    [
        ("ARG WHO=arg\nENV WHO=env", {}, "env"),
        ("ARG WHO\nENV WHO=env", {"WHO": "given"}, "env"),
        ("ARG WHO\nENV WHO=env\nENV WHO=last", {"WHO": "given"}, "last"),
        ("ENV WHO=env\nARG WHO=arg", {}, "arg"),
        ("ENV WHO=env\nARG WHO", {"WHO": "given"}, "given"),
        ("ENV WHO=env\nARG WHO", {}, "env"),
        ("ARG FROM_BASE", {"FROM_BASE": "given"}, "given"),
    ],
)
def test_of_an_env_and_an_argument_of_one_name_the_later_one_counts(text, given, value):
    name = "FROM_BASE" if "FROM_BASE" in text else "WHO"
    row = last(f"FROM b\n{text}\nRUN x ${name}\n", build_args=given)
    assert row.action.env[name] == value
    assert config(f"FROM b\n{text}\nLABEL it=${name}\n", build_args=given).labels["it"] == value


def test_an_argument_is_no_part_of_the_image():
    assert "FROM_BASE=1" in config("FROM b\nARG FROM_BASE=2\nLABEL it=$FROM_BASE\n").env


@pytest.mark.parametrize(
    ("text", "given", "value"),
    [
        ("FROM b\nARG A=1\nRUN x\n", {}, "1"),
        ("FROM b\nARG A=1\nRUN x\n", {"A": "2"}, "2"),
        ("FROM b\nARG A\nRUN x\n", {}, None),
        ("ARG A=1\nFROM b\nRUN x\n", {}, None),
        ("ARG A=1\nFROM b\nARG A\nRUN x\n", {}, "1"),
        ("ARG A=1\nFROM b\nARG A\nRUN x\n", {"A": "2"}, "2"),
        ("ARG A=1\nFROM b\nARG A=3\nRUN x\n", {}, "3"),
        ("FROM b AS a\nARG A=1\nFROM b\nRUN x\n", {}, None),
        ("FROM b AS a\nARG A=1\nFROM a\nRUN x\n", {}, "1"),
        ("FROM b\nRUN y\nARG A=1\n", {}, None),
    ],
)
def test_an_argument_lives_from_its_line_to_the_end_of_its_stage(text, given, value):
    run = [row for row in rows(text, build_args=given) if row.action is not None][-1]
    assert run.action.env.get("A") == value


def test_proxies_are_part_of_history_and_key_only_where_they_are_declared():
    run = last("FROM b\nRUN x\n", build_args={"HTTP_PROXY": "http://u:p@proxy"})
    assert run.action.secret_env == {"HTTP_PROXY": "http://u:p@proxy"}
    assert "HTTP_PROXY" not in run.action.env
    assert "proxy" not in run.created_by
    declared = last("FROM b\nARG HTTP_PROXY\nRUN x\n", build_args={"HTTP_PROXY": "proxy"})
    assert declared.action.env["HTTP_PROXY"] == "proxy"
    assert "|1 HTTP_PROXY=proxy" in declared.created_by


def test_variables_in_from_come_from_the_arguments_before_it():
    text = "ARG TAG=1\nARG NAME=bread:$TAG\nFROM $NAME\n"
    assert [base.name for base, _ in draft(request(text)).images()] == ["bread:1"]
    assert [base.name for base, _ in draft(request(text, build_args={"TAG": "2"})).images()] == ["bread:2"]


def test_a_platform_argument_is_known_once_declared():
    assert last("FROM b\nARG TARGETARCH\nENV A=$TARGETARCH\n").scope.config.env[-1] == "A=amd64"
    assert last("FROM b\nENV A=x$TARGETARCH\n").scope.config.env[-1] == "A=x"


def test_only_the_stages_that_the_target_needs_are_planned():
    text = "FROM a AS one\nFROM b AS two\nRUN x\nFROM c AS three\nCOPY --from=one /x /x\n"
    assert [stage.title for stage in planned(text).stages] == ["one", "three"]
    assert [stage.title for stage in planned(text, target="TWO").stages] == ["two"]
    assert [base.name for base, _ in draft(request(text, target="one")).images()] == ["a"]


def test_an_unknown_target_suggests_one():
    with pytest.raises(DockerfileError, match="oven"):
        draft(request("FROM a AS oven\n", target="ovem"))


def test_a_stage_starts_where_the_one_below_ended():
    text = "FROM b AS one\nENV A=1\nWORKDIR /w\nFROM one\nWORKDIR x\nENV B=$A\n"
    assert config(text).working_dir == "/w/x"
    assert config(text).env[-2:] == ("A=1", "B=1")


@pytest.mark.parametrize(
    ("paths", "kept", "used"),
    [
        ("/w/", "/w/", "/w"),
        ("/w/../v", "/w/../v", "/v"),
        ("/w/ x", "/w/x", "/w/x"),
        ("/w/ ../x/", "/x", "/x"),
        ("/w/ $NONE", "/w/", "/w"),
    ],
)
def test_an_absolute_working_directory_is_kept_as_written(paths, kept, used):
    text = "FROM b\n" + "".join(f"WORKDIR {path}\n" for path in paths.split())
    assert config(text).working_dir == kept
    assert last(text).action.path == used
    assert last(f"{text}RUN x\n").action.cwd == used
    assert last(f"{text}COPY a b\n").action.destination == f"{used}/b"


def test_the_shell_form_without_a_command_is_the_shell_with_an_empty_one():
    assert config("FROM b\nCMD\n").cmd == ("/bin/sh", "-c", "")
    assert config("FROM b\nENTRYPOINT\n").entrypoint == ("/bin/sh", "-c", "")
    assert config("FROM b\nCMD []\n").cmd == ()
    for text in ("RUN", "RUN []"):
        with pytest.raises(DockerfileError, match="RUN without a command"):
            planned(f"FROM b\n{text}\n")


@pytest.mark.parametrize("mount", ["type=bind", "type=cache", "type=tmpfs", "type=bind,target=."])
def test_a_mount_without_a_target_stands_on_the_working_directory(mount):
    assert [each.target for each in last(f"FROM b\nRUN --mount={mount} x\n").action.mounts] == ["/srv"]
    with pytest.raises(DockerfileError, match='line 3: invalid mount target "/"'):
        planned(f"FROM b\nWORKDIR /\nRUN --mount={mount} x\n")


def test_scratch_has_a_path_and_a_root():
    made = planned("FROM scratch\nCOPY <<EOF /a\nEOF\n").stages[0]
    assert (made.base, made.image, made.below) == ("scratch", None, None)
    assert made.scope.config.env[0].startswith("PATH=/usr/local/sbin:")


def test_a_new_entrypoint_drops_the_bases_command_but_keeps_its_own():
    assert config('FROM b\nENTRYPOINT ["e"]\n').cmd is None
    assert config('FROM b\nCMD ["c"]\nENTRYPOINT ["e"]\n').cmd == ("c",)
    assert config('FROM b AS one\nCMD ["c"]\nFROM one\nENTRYPOINT ["e"]\n').cmd is None


def test_settings_stand_in_the_config():
    text = (
        "FROM b\nLABEL a=1 b='x y'\nEXPOSE 80 53/udp\nVOLUME /data /more\nSTOPSIGNAL SIGINT\nUSER bob:staff\n"
        'SHELL ["/bin/ash", "-c"]\nCMD run it\nHEALTHCHECK --interval=5s CMD curl x\nONBUILD RUN y\nMAINTAINER me\n'
    )
    found = config(text)
    assert found.labels == {"a": "1", "b": "x y"}
    assert found.exposed_ports == ("53/udp", "80/tcp")
    assert found.volumes == ("/data", "/more")
    assert (found.stop_signal, found.user, found.shell) == ("SIGINT", "bob:staff", ("/bin/ash", "-c"))
    assert found.cmd == ("/bin/ash", "-c", "run it")
    assert found.healthcheck == {"Test": ["CMD-SHELL", "curl x"], "Interval": 5_000_000_000}
    assert found.on_build == ("RUN y",)
    assert planned(text).stages[-1].scope.author == "me"


def test_the_bases_triggers_run_at_from_and_are_gone():
    base = ContainerConfig(on_build=("ENV T=1", "RUN echo $T"))
    made = rows("FROM b\nENV A=$T\n", base=base)
    assert [row.source for row in made] == ["ENV T=1", "RUN echo $T", "ENV A=$T"]
    assert made[-1].scope.config.env == (f"PATH={DEFAULT_PATH}", "T=1", "A=1")
    assert made[-1].scope.config.on_build == ()
    assert made[0].line == 1


def test_a_trigger_that_is_not_allowed_is_told_at_from():
    with pytest.raises(DockerfileError, match=r"line 2: .*FROM"):
        rows("# a\nFROM b\n", base=ContainerConfig(on_build=("FROM x",)))


@pytest.mark.parametrize(
    ("destination", "absolute", "is_directory"),
    [
        ("/x", "/x", False),
        ("x", "/srv/x", False),
        ("x/", "/srv/x", True),
        (".", "/srv", True),
        ("./", "/srv", True),
        ("/", "/", True),
        ("../x", "/x", False),
        ("/a/../../b", "/b", False),
    ],
)
def test_copy_lands_relative_to_the_working_directory(destination, absolute, is_directory):
    action = last(f"FROM b\nCOPY a {destination}\n").action
    assert (action.destination, action.is_directory) == (absolute, is_directory)


def test_copy_reads_from_stage_number_name_or_image():
    assert last("FROM b AS one\nFROM b\nCOPY --from=0 a b\n").action.stage == 0
    assert last("FROM b AS one\nFROM b\nCOPY --from=ONE a b\n").action.stage == 0
    action = last("FROM b\nCOPY --from=other:1 a b\n").action
    assert (action.stage, action.image) == (None, "other:1")


def test_copy_of_a_heredoc_expands_it_unless_quoted():
    assert last("FROM b\nARG A=1\nCOPY <<EOF /x\n$A\nEOF\n").action.inline == (("EOF", b"1\n"),)
    assert last("FROM b\nARG A=1\nCOPY <<'EOF' /x\n$A\nEOF\n").action.inline == (("EOF", b"$A\n"),)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("FROM b\nADD --checksum=sha256:1 a b\n", "checksum"),
        ("FROM b\nADD --checksum=a https://h/r.git?checksum=b c\n", 'checksum mismatch "a" != "b"'),
        ("FROM b\nCOPY http://host/a b\n", "URL"),
        ("FROM b\nRUN --mount=type=cache,target=/ y\n", "invalid mount target"),
        ("FROM b\nRUN --security=insecure y\n", "--security"),
        ("FROM b\nCOPY https://host/a.git b\n", "git ref"),
        ("FROM b\nARG A\nCOPY --from=$A a b\n", "not supported for --from"),
        ("FROM b\nCOPY --link a b c\n", "end with a /"),
        ("FROM b\nCOPY --chmod=u+q a b\n", "chmod"),
        ("FROM b\nCOPY --chmod=99 a b\n", "chmod"),
        ("FROM b\nSTOPSIGNAL NOTHING\n", "signal"),
        ("FROM b\nEXPOSE x\n", "containerPort"),
        ("FROM b\nVOLUME /a $NONE\n", "empty string"),
        ("FROM b\nENV A=${B:?need}\n", "need"),
        ("FROM b AS c\nCOPY --from=c a b\n", "circular"),
        ("FROM b\nCOPY --from=3 a b\n", "3"),
    ],
)
def test_what_is_not_executed_or_cannot_be_is_told_at_its_line(text, says):
    with pytest.raises(DockerfileError, match=says.replace("+", r"\+")) as caught:
        planned(text)
    assert caught.value.location.line == len(text.splitlines()) or "circular" in says
    assert "^" in caught.value.detail


def test_a_blank_base_says_what_to_declare():
    with pytest.raises(DockerfileError, match="blank") as caught:
        planned("FROM $NOTHING\n")
    assert "ARG" in caught.value.hint


def test_a_build_argument_that_nothing_declares_is_a_warning():
    assert planned("FROM b\n", build_args={"X": "1", "HTTP_PROXY": "p"}).warnings == (
        "--build-arg X: no ARG of this build has that name",
    )
    assert planned("FROM b\nARG X\n", build_args={"X": "1"}).warnings == ()


def test_history_words_are_dockers():
    text = 'FROM b\nARG A=1\nRUN echo $A\nENV B=$A\nWORKDIR w\nCMD go\nENTRYPOINT ["e"]\nLABEL a=b\n'
    text += "VOLUME /v /w\nEXPOSE 81 80/udp\nCOPY --from=x --chown=5 --chmod=644 --link /$B <<E /to/\nE\n"
    text += 'SHELL ["/bin/bash", "-c"]\nHEALTHCHECK --interval=90s CMD a\nADD --chown=$A b /c\n'
    assert [row.created_by for row in rows(text)] == [
        "ARG A=1",
        "RUN |1 A=1 /bin/sh -c echo $A",
        "ENV B=1",
        "WORKDIR /srv/w",
        'CMD ["/bin/sh" "-c" "go"]',
        'ENTRYPOINT ["e"]',
        "LABEL a=b",
        "VOLUME [/v /w]",
        "EXPOSE [80/udp 81/tcp]",
        "COPY --chown=5 --chmod=644 /1 <<E /to/",
        "SHELL [/bin/bash -c]",
        "HEALTHCHECK {Test:[CMD-SHELL a] Interval:1m30s Timeout:0s StartPeriod:0s StartInterval:0s Retries:0}",
        "ADD --chown=1 b /c",
    ]


def test_network_none_is_honoured_and_host_needs_the_builds():
    assert last("FROM b\nRUN --network=none x\n").action.network == "none"
    assert last("FROM b\nRUN x\n", network="none").action.network == "none"
    assert last("FROM b\nRUN x\n").action.network == "default"
    assert last("FROM b\nRUN --network=host x\n", network="host").action.network == "host"
    for network in ("none", "default", "private"):
        with pytest.raises(DockerfileError, match="was not asked for --network host"):
            last("FROM b\nRUN --network=host x\n", network=network)


def test_the_bases_config_is_not_changed_by_nothing():
    assert config("FROM b\n") == BASE


def test_a_default_that_does_not_count_is_not_looked_at_and_later_ones_see_earlier_ones():
    assert config("ARG A=${A:?no}\nFROM b\nARG A\nENV X=$A\n", build_args={"A": "1"}).env[-1] == "X=1"
    assert config("FROM b\nARG A=1 B=$A-2\nENV X=$B\n").env[-1] == "X=1-2"
    assert config("FROM b\nARG A=${B:?no}\nENV X=$A\n", build_args={"A": "3"}).env[-1] == "X=3"


def test_the_hostname_of_run_is_an_argument_that_nobody_declares():
    made = planned("FROM b\nRUN x\n", build_args={"BUILDKIT_SANDBOX_HOSTNAME": "foo"})
    assert made.stages[-1].rows[-1].action.hostname == "foo"
    assert made.warnings == ()
    assert last("FROM b\nRUN x\n").action.hostname == "build"


def test_a_stage_without_instructions_has_dockers_path():
    assert planned("FROM scratch\n").stages[-1].scope.config.env == (f"PATH={DEFAULT_PATH}",)


def test_add_tells_paths_urls_and_repositories_apart():
    action = last("FROM b\nADD --unpack a http://h/b https://h/c.git#v1 /d/\n").action
    assert (action.keyword, action.sources, action.unpack) == ("ADD", ("a",), True)
    assert [type(remote).__name__ for remote in action.remote] == ["Url", "Git"]
    assert last("FROM b\nADD a /d\n").action.unpack is None
    assert last("FROM b\nCOPY a /d\n").action.unpack is False


def test_a_stage_is_copied_from_once_it_stands_above():
    with pytest.raises(
        DockerfileError, match='line 2: cannot copy from stage "c", it needs to be defined before current'
    ):
        planned("FROM b\nCOPY --from=c a b\nFROM b AS c\nFROM b\nCOPY --from=0 a b\n")


def test_a_checksum_is_of_one_file_that_is_fetched():
    good = f"sha256:{'0' * 64}"
    assert last(f"FROM b\nADD --checksum={good} http://h/b /d/\n").action.checksum == good
    for line in (f"--checksum={good} http://h/b http://h/c /d/", "--checksum=sha256:12 http://h/b /d/"):
        with pytest.raises(DockerfileError, match="checksum"):
            planned(f"FROM b\nADD {line}\n")
