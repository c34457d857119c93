from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from dockmagic.builder.exports import CacheFrom, CacheTo, Output
from dockmagic.errors import BuildError, DockerfileError, NotFoundError, RunError, UsageError
from dockmagic.events import StepOutput, StepStarted
from dockmagic.results import Build, Row, Run
from tests.unit.magics.recording import BUILD, IMAGE, RUN

MIME = "application/vnd.dockmagic.run+json"
FAILED_RUN = Run(
    exit_code=3, stopped="", error=RunError("the script failed with exit code 3", returncode=3), image=IMAGE
)
FAILED_BUILD = Build(
    image=None,
    steps=(),
    log="boom",
    exit_code=7,
    error=BuildError(
        "line 2: RUN failed with exit code 7", line=2, step="RUN exit 7", exit_code=7, detail="2 | RUN exit 7"
    ),
    rows=(Row(instruction="RUN exit 7", line=2, kind="step", failed=True, done=False),),
)


def test_a_build_gets_the_body_and_the_options(execute, engine, records, tmp_path):
    assert (
        execute(
            f"%%container build -t bread:1 --build-arg A=b --no-cache --label c=d {tmp_path}\nFROM a\nRUN b {{x}} $y\n"
        )
        is None
    )
    call = engine.last
    assert call.text == "FROM a\nRUN b {x} $y\n"
    assert (call.tags, call.build_args, call.no_cache, call.labels) == (("bread:1",), {"A": "b"}, True, {"c": "d"})
    assert (call.context, call.network, call.target) == (tmp_path, "default", None)
    assert [MIME in record["data"] for record in records] == [True]


def test_a_build_says_where_its_result_and_its_cache_go(execute, engine):
    execute(
        "%%container build --pull -o out -o type=oci,dest=x.tar --iidfile i --metadata-file m --load"
        " --cache-from type=local,src=c --cache-to type=local,dest=c,mode=max --provenance=false --sbom=false\nFROM a\n"
    )
    call = engine.last
    assert (call.pull, call.iidfile, call.metadata_file) == (True, "i", "m")
    assert call.output == (Output(kind="local", dest="out"), Output(kind="oci", dest="x.tar"))
    assert (call.cache_from, call.cache_to) == (
        (CacheFrom(src=Path("c")),),
        (CacheTo(dest=Path("c"), mode="max"),),
    )


def test_a_build_prints_nothing_unless_asked(execute, engine, capsys):
    engine.events = (
        StepStarted(index=0, total=1, stage="", instruction="RUN echo é", line=2),
        StepOutput(index=0, stream="stdout", data=b"\xc3"),
        StepOutput(index=0, stream="stdout", data=b"\xa9\r\n"),
    )
    execute("%%container build\nFROM a")
    assert capsys.readouterr().out == ""
    execute("%%container build --progress plain\nFROM a")
    assert capsys.readouterr().out == "[1/1] RUN echo é\né\r\n"


def test_a_run_streams_in_chunks_and_ends_with_one_record(execute, engine, records, capsys):
    engine.chunks = (("stdout", b"a\rb\xc3"), ("stderr", b"oh"), ("stdout", b"\xa9\n\xff"), ("stdout", b"\xe2\x82"))
    assert (
        execute("%%container run bread:1 one --name fish1 -e A=b -e C -v ./d:/d --timeout 2m\necho {who} $who\n")
        is None
    )
    call = engine.last
    assert (call.verb, call.words, call.script) == ("run", ("bread:1",), "echo {who} $who\n")
    assert (call.argv, call.name, call.env, call.timeout) == (("one",), "fish1", {"A": "b"}, 120)
    assert (call.volumes, call.network, call.keep) == (("./d:/d",), "", False)
    shown = capsys.readouterr()
    assert shown.out == "a\rbé\n\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"
    assert shown.err == "oh"
    assert len(records) == 1
    assert set(records[0]["data"]) == {"text/plain", "text/html", MIME}


def test_a_variable_takes_the_output_instead(execute, engine, shell, capsys):
    engine.chunks = (("stdout", b"out\n"), ("stderr", b"err\n"))
    execute("%%container run bread:1 --out text --err trouble --result r -q\ntrue")
    assert shell.user_ns["text"] == "out\n"
    assert shell.user_ns["trouble"] == "err\n"
    assert shell.user_ns["r"].stdout == "out\n"
    assert capsys.readouterr() == ("", "")


def test_quiet_runs_have_no_record(execute, records):
    execute("%%container run -q bread:1\ntrue")
    execute("%%container build -q\nFROM a")
    assert records == []


def test_one_cell_builds_then_runs_what_stands_below_the_dashes(execute, engine, records):
    execute("%%container -t bread:1 --network host -- one\n# dockmagic: --keep\n# syntax=x\nFROM a\n---\necho hi\n")
    built, ran = engine.calls
    assert built.text == "# syntax=x\n\nFROM a\n"
    assert built.network == ran.network == "host"
    assert (ran.words, ran.script, ran.argv, ran.keep) == (("bread:1",), "echo hi\n", ("one",), True)
    assert ran.build is BUILD
    assert len(records) == 1


def test_without_a_script_the_images_own_command_runs(execute, engine):
    execute("%%container\nFROM a\nCMD b\n")
    assert (engine.last.verb, engine.last.script, engine.last.words) == ("run", None, (IMAGE,))


def test_without_a_command_it_only_builds(execute, engine, records):
    image = IMAGE.__class__(id=IMAGE.id, tags=(), layers=(), config={"config": {}}, digest="", entries=())
    engine.build_value = Build(image=image, steps=(), log="", exit_code=0, rows=BUILD.rows)
    execute("%%container --result b\nFROM a\n")
    assert engine.last.verb == "build"
    assert "nothing to run" in records[0]["data"]["text/plain"]


def test_dashes_with_nothing_below_are_an_error(execute, engine):
    error = execute("%%container\nFROM a\n---\n\n")
    assert isinstance(error, UsageError)
    assert "line 2" in str(error)
    assert engine.calls == []


@pytest.mark.parametrize("start", ["run bread:1", "exec fish1"])
@pytest.mark.parametrize("body", ["\n", "   \n\n", "# dockmagic: --timeout 3\n"])
def test_a_body_without_a_script_is_an_error(execute, engine, start, body):
    error = execute(f"%%container {start}\n{body}")
    assert isinstance(error, UsageError)
    assert "the cell has no script" in str(error)
    assert f"%container {start.split()[0]}" in str(error)
    assert engine.calls == []


def test_a_body_without_any_line_is_refused_by_ipython(execute, engine):
    assert "the cell body is empty" in str(execute("%%container run bread:1\n"))
    assert engine.calls == []


def test_dashes_in_a_build_are_an_error(execute):
    assert "line 2" in str(execute("%%container build\nFROM a\n---\necho\n"))


def test_a_failed_run_shows_its_record_then_raises_one_short_error(execute, engine, records, capsys):
    engine.run_value = FAILED_RUN
    error = execute("%%container run bread:1 --result r\nexit 3")
    assert isinstance(error, RunError)
    assert "exit 3" in records[0]["data"]["text/plain"]
    shown = capsys.readouterr().out
    assert "RunError: the script failed with exit code 3" in shown
    assert "Traceback" not in shown
    assert ".py" not in shown


def test_a_failed_build_shows_its_record_then_raises(execute, engine, shell, records, capsys):
    engine.build_value = FAILED_BUILD
    error = execute("%%container --result b\nFROM a\nRUN exit 7\n---\ntrue\n")
    assert isinstance(error, BuildError)
    assert len(records) == 1
    assert shell.user_ns["b"] is FAILED_BUILD
    assert "2 | RUN exit 7" in capsys.readouterr().out
    assert [call.verb for call in engine.calls] == ["build"]


def test_a_failure_may_stay_in_the_result(execute, engine, shell, records):
    engine.run_value = FAILED_RUN
    assert execute("%%container run bread:1 --no-raise-error --result r\nexit 3") is None
    assert shell.user_ns["r"].exit_code == 3
    engine.build_value = FAILED_BUILD
    assert execute("%%container build --no-raise-error --result b\nFROM a") is None
    assert shell.user_ns["b"].exit_code == 7
    assert len(records) == 2


def test_a_text_that_cannot_be_parsed_has_no_record(execute, engine, records):
    engine.build_value = Build(image=None, steps=(), log="", exit_code=125, error=DockerfileError("line 1: what"))
    assert isinstance(execute("%%container build\nRUM x"), DockerfileError)
    assert records == []


def test_no_raise_error_does_not_hide_a_missing_image(execute, engine):
    engine.failure = NotFoundError("image not found: nowhere")
    assert isinstance(execute("%%container run nowhere --no-raise-error\ntrue"), NotFoundError)


def test_an_interrupt_shows_the_record_and_is_raised(execute, engine, shell, records, capsys):
    engine.failure = KeyboardInterrupt()
    engine.failure.run = Run(exit_code=130, stopped="interrupted", stdout="so far", image=IMAGE)
    error = execute("%%container run bread:1 --result r --out text --no-raise-error\nsleep 60")
    assert isinstance(error, KeyboardInterrupt)
    assert shell.user_ns["r"].exit_code == 130
    assert shell.user_ns["text"] == "so far"
    assert len(records) == 1
    assert ".py" not in capsys.readouterr().out


def test_a_developer_sees_everything(execute, engine, capsys):
    engine.run_value = FAILED_RUN
    execute("%config ContainerMagics.full_tracebacks = True")
    execute("%%container run bread:1\nexit 3")
    assert "building.py" in capsys.readouterr().out


def test_input_comes_from_a_variable(execute, engine, shell):
    shell.user_ns["given"] = "é\n"
    execute("%%container run bread:1 --stdin given\ncat")
    assert engine.last.stdin == "é\n".encode()
    assert "not defined" in str(execute("%%container run bread:1 --stdin missing\ncat"))
    shell.user_ns["rows"] = [1, {"a": None}]
    execute("%%container run bread:1 --stdin rows\ncat")
    assert engine.last.stdin == b'[1, {"a": null}]'
    shell.user_ns["thing"] = object()
    assert "is of type object" in str(execute("%%container run bread:1 --stdin thing\ncat"))


def test_values_go_in_by_name_and_by_expression(execute, engine, shell):
    shell.user_ns |= {"a": 1, "b": [2], "cfg": {"k": "v"}}
    execute("%%container run bread:1 --in a,b --in 'c={\"x\": [a, b]}' --in 'd=sorted(cfg)'\ncat")
    assert engine.last.given == {"a": 1, "b": [2], "c": {"x": [1, [2]]}, "d": ["k"]}
    execute("%container exec --in a fish1 true")
    assert engine.last.given == {"a": 1}


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("--in nobody", '"nobody" is not defined, for --in'),
        ("--in x=nobody+1", '"nobody" is not defined, for --in'),
        ("--in x=1/0", "--in 1/0 fails: ZeroDivisionError: division by zero"),
        ("--in x=1+", "--in: 1+ is no Python expression"),
        ("--in a,k=3", "only names may stand in a list with commas"),
        ("--in a,", "a name is empty"),
        ("--in =3", "it is no name of a Python variable"),
        ("--in x=", "the expression behind = is missing"),
        ("--get /x", "it is no PATH=VAR"),
        ("--get x=y", "the path must be absolute"),
        ("--get /x=1", "it is no name of a Python variable"),
    ],
)
def test_bad_values_are_named(execute, engine, option, reason):
    error = execute(f"%%container run bread:1 {option}\ntrue")
    assert isinstance(error, UsageError)
    assert reason in str(error)
    assert engine.calls == []


def test_what_a_container_wrote_becomes_variables(execute, engine, shell, records):
    engine.run_value = Run(exit_code=0, stopped="", image=IMAGE, files={"/o.json": b"[1]", "/d": {"a": b"x"}})
    assert execute("%%container run bread:1 --get /o.json=rows --get /d=tree --get /no=no\ntrue") is None
    assert engine.last.get == ("/o.json", "/d", "/no")
    assert (shell.user_ns["rows"], shell.user_ns["tree"]) == ([1], {"a": "x"})
    assert "no" not in shell.user_ns


def test_a_file_that_cannot_be_read_is_told_after_the_record_and_after_the_runs_own_error(
    execute, engine, shell, records
):
    engine.run_value = Run(exit_code=0, stopped="", image=IMAGE, files={"/o.json": b"{", "/t": b"t"})
    error = execute("%%container run bread:1 --get /o.json=rows --get /t=text\ntrue")
    assert "/o.json is not what its name says" in str(error)
    assert (shell.user_ns["text"], len(records)) == ("t", 1)
    engine.run_value = replace(FAILED_RUN, files={"/o.json": b"{"})
    assert isinstance(execute("%%container run bread:1 --get /o.json=rows\ntrue"), RunError)


def test_variables_come_from_files_too(execute, engine, tmp_path):
    (tmp_path / "env").write_text("A=1\nB=2\n")
    execute(f"%%container exec fish1 --env-file {tmp_path}/env -e B=3\nenv")
    assert engine.last.env == {"A": "1", "B": "3"}
    error = execute("%%container exec fish1 --env-file nowhere\nenv")
    assert isinstance(error, NotFoundError)
    (tmp_path / "env").write_text("A=1\nA B=2\n")
    for words in ("exec fish1 --env-file", "run bread:1 --label-file"):
        error = execute(f"%%container {words} {tmp_path}/env\nenv")
        assert isinstance(error, UsageError)
        assert "/env, line 2: variable 'A B' contains whitespaces" in str(error)


def test_labels_come_from_files_too_and_the_line_wins(execute, engine, tmp_path):
    (tmp_path / "labels").write_text("# of the course\nA=1\nB\nC=x y\n")
    execute(f"%%container run bread:1 --label-file {tmp_path}/labels -l A=2 --label D\ntrue")
    assert dict(engine.last.settings.labels) == {"A": "2", "B": "", "C": "x y", "D": ""}
    execute(f"%%container -t b:1 --label A=2 --label-file {tmp_path}/labels\nFROM scratch\n---\ntrue")
    assert dict(engine.last.settings.labels) == {"A": "1", "B": "", "C": "x y"}


def test_exec_passes_its_own_options(execute, engine):
    execute("%%container exec fish1 --running -w /tmp -u bob --interp 'python3 -u'\nx")
    call = engine.last
    assert (call.verb, call.words, call.running) == ("exec", ("fish1",), True)
    assert (call.workdir, call.user, call.interp) == ("/tmp", "bob", "python3 -u")


def test_one_undefined_name_is_an_error_and_dollars_stay(execute, engine, shell):
    assert '"nobody" is not defined' in str(execute("%%container run bread:1 $HOME {nobody}\ntrue"))
    assert engine.calls == []
    shell.user_ns["who"] = "Min ji"
    execute("%%container run bread:1 $HOME {who} {{.Id}}\ntrue")
    assert engine.last.argv == ("$HOME", "Min ji", "{.Id}")


def test_remove_is_the_default_and_contradicts_a_name(execute, engine):
    assert execute("%%container run --rm bread:1\ntrue") is None
    assert "--rm cannot be used with --name" in str(execute("%%container run --rm --name x bread:1\ntrue"))
    assert "--rm cannot be used with --keep" in str(execute("%%container run --rm --keep bread:1\ntrue"))


def test_line_magics_return_and_show_nothing_themselves(shell, engine, records, capsys):
    assert shell.run_line_magic("container", "inspect bread:1") is IMAGE
    assert list(shell.run_line_magic("container", "images")) == [IMAGE]
    assert shell.run_line_magic("container", "run bread:1 ls -l").image is IMAGE
    assert engine.last.argv == ("ls", "-l")
    assert repr(shell.run_line_magic("container", "rm fish1 fish2")) == "REMOVED\nfish1\nfish2"
    assert repr(shell.run_line_magic("container", "rmi bread:1")) == "REMOVED\nbread:1"
    assert shell.run_line_magic("container", "ps -a")[0].name == "fish1"
    assert engine.last.all is True
    assert records == []
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("line", "says"),
    [("prune --nope", "unknown option --nope$"), ("prune --forse", "mean --force"), ("PRUNE", "mean prune")],
)
def test_only_what_is_near_is_asked_for(shell, line, says):
    with pytest.raises(UsageError) as caught:
        shell.run_line_magic("container", line)
    assert re.search(says, caught.value.message)


def test_options_before_a_verb_say_where_the_verb_stands(shell):
    with pytest.raises(UsageError, match="a verb comes first, before options"):
        shell.run_line_magic("container", "-q run bread:1")


def test_a_log_is_text_that_is_shown_as_it_stands(shell):
    log = shell.run_line_magic("container", "logs fish1")
    assert log == "one\ntwo\n"
    assert shell.display_formatter.format(log)[0]["text/plain"] == "one\ntwo"


def test_a_build_line_reads_the_dockerfile_of_its_context(shell, engine, tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM a\n")
    (tmp_path / "other").write_text("FROM b\n")
    assert shell.run_line_magic("container", f"build -t x {tmp_path}") is BUILD
    assert (engine.last.text, engine.last.context) == ("FROM a\n", tmp_path)
    shell.run_line_magic("container", f"build -f {tmp_path}/other --result b {tmp_path}")
    assert engine.last.text == "FROM b\n"
    assert shell.user_ns["b"] is BUILD
    with pytest.raises(NotFoundError, match="Dockerfile cannot be read"):
        shell.run_line_magic("container", f"build -f nowhere {tmp_path}")
    with pytest.raises(NotFoundError, match="no directory"):
        shell.run_line_magic("container", "build nowhere")


def test_a_returned_value_shows_its_record(shell):
    data, metadata = shell.display_formatter.format(RUN)
    assert set(data) == {"text/plain", "text/html", MIME}
    assert MIME in metadata
    assert shell.display_formatter.format(IMAGE)[0]["text/plain"]


def test_local_variables_fill_braces(shell, engine):
    shell.run_cell("def bake(n):\n    return get_ipython().run_line_magic('container', 'run bread:1 {n}')\nbake(7)")
    assert engine.last.argv == ("7",)


def test_help_is_printed(shell, engine, capsys):
    shell.run_line_magic("container", "")
    assert "%%container run [options] IMAGE" in capsys.readouterr().out
    shell.run_line_magic("container", "run --help")
    shown = capsys.readouterr().out
    assert "--timeout TIME" in shown
    assert "--memory-swap" not in shown
    assert engine.calls == []


@pytest.mark.parametrize(
    "cell", ["%container run?", "  %container run ?", "%%container run??\n", "%container help run"]
)
def test_a_question_about_a_verb_prints_its_help(shell, engine, capsys, cell):
    shell.run_cell(cell)
    shown = capsys.readouterr().out
    assert "%%container run [options] IMAGE" in shown
    assert "--timeout TIME" in shown
    assert engine.calls == []


@pytest.mark.parametrize("cell", ["%container?", "%%container?", "%container", "%container help", "%container --help"])
def test_a_question_about_the_magic_prints_the_verbs(shell, engine, capsys, cell):
    shell.run_cell(cell)
    assert "%container images" in capsys.readouterr().out
    assert engine.calls == []


def test_a_question_inside_a_script_is_the_scripts(execute, engine):
    execute("%%container run bread:1\n%container run?\ncat x?\n")
    assert engine.last.script == "%container run?\ncat x?\n"


def test_a_question_about_something_else_is_ipythons(shell, capsys):
    shell.run_line_magic("unload_ext", "dockmagic")
    assert "--help" not in shell.transform_cell("%container run?")
    shell.run_line_magic("load_ext", "dockmagic")
    assert "pinfo" in shell.transform_cell("print?")


def test_an_archive_stands_where_docker_has_it_or_alone(shell, engine):
    shell.run_line_magic("container", "load -i a.tar")
    assert engine.last.words == ("a.tar",)
    shell.run_line_magic("container", "load --platform arm64 b.tar")
    assert (engine.last.words, engine.last.platform) == (("b.tar",), "arm64")
    with pytest.raises(UsageError, match="PATH is missing"):
        shell.run_line_magic("container", "load")
    with pytest.raises(UsageError, match="there twice"):
        shell.run_line_magic("container", "load -i a.tar b.tar")


def test_images_are_saved_and_roots_exported_to_a_path(shell, engine):
    shell.run_line_magic("container", "save -o a.tar --format oci-archive bread:1 fish:2")
    assert (engine.last.words, engine.last.output, engine.last.format) == (
        ("bread:1", "fish:2"),
        "a.tar",
        "oci-archive",
    )
    shell.run_line_magic("container", "export -o root.tar fish1")
    assert engine.last.words == ("fish1", "root.tar")
    for line in ("save bread:1", "export fish1"):
        with pytest.raises(UsageError, match="-o PATH is missing"):
            shell.run_line_magic("container", line)


def test_a_diff_tells_of_lines_where_it_is_asked_to(shell, engine):
    assert repr(shell.run_line_magic("container", "diff --text fish1 bread:1")) == "C /a"
    assert (engine.last.verb, engine.last.words) == ("text_diff", ("fish1", "bread:1"))


def test_the_store_is_looked_after(shell, engine):
    for line, verb, options in (
        ("df", "df", {}),
        ("prune", "prune", {"dry_run": False, "base": False, "volumes": False}),
        ("prune -f --dry-run --base --volumes", "prune", {"dry_run": True, "base": True, "volumes": True}),
        ("share", "share", {}),
        ("fsck --repair", "fsck", {"repair": True}),
    ):
        shell.run_line_magic("container", line)
        told = vars(engine.last)
        assert (told.pop("verb"), told.pop("words"), told) == (verb, (), options)


def test_it_can_be_unloaded_and_loaded_again(shell):
    shell.run_line_magic("unload_ext", "dockmagic")
    assert "container" not in shell.magics_manager.magics["line"]
    assert shell.display_formatter.format(RUN)[0].keys() == {"text/plain"}
    for _ in range(2):
        shell.run_line_magic("reload_ext", "dockmagic")
    assert "container" in shell.magics_manager.magics["cell"]
    names = [type(c).__name__ for c in shell.configurables]
    assert names.count("ContainerMagics") == 1
