"""What the verbs that list choose and print, as docker's do."""

from __future__ import annotations

import json
import re

import pytest

from dockmagic.engine.engine import Engine
from dockmagic.engine.settings import Settings
from dockmagic.errors import NotFoundError, UsageError
from dockmagic.magics import grammar, verbs
from dockmagic.magics.lines import LINES


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    engine = Engine(tmp_path_factory.mktemp("home"))
    engine.build(
        'FROM localhost/base\nLABEL course=one\nEXPOSE 80\nCMD ["sh", "-c", "exit 3"]\n', tags="reg.example/bread:1"
    )
    engine.build("FROM reg.example/bread:1\nENV A=1\n", tags="fish:2")
    engine.run("reg.example/bread:1", name="oven", env={"B": "2"}, volumes=["flour:/v"])
    engine.run("fish:2", ["sh", "-c", "printf '\\033[31m'"], name="pond")
    labels = Settings(labels=(("course", "none"),))
    engine.run("localhost/base", ["sleep", "600"], name="slow", background=True, settings=labels)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def line(engine):
    class Notebook:
        def __init__(self):
            self.engine = engine

    def typed(text):
        command = grammar.parse(text, fill=lambda word: word, cell=False)
        return LINES[command.verb.name](Notebook(), command)

    return typed


def names(found):
    return [container.name for container in found]


@pytest.mark.parametrize(
    ("filters", "chosen"),
    [
        ({}, ["slow"]),
        ({"status": "exited"}, ["pond", "oven"]),
        ({"status": ["exited", "running"], "name": "o"}, ["slow", "pond", "oven"]),
        ({"name": "^p"}, []),
        ({"name": "^/slow$"}, ["slow"]),
        ({"exited": "3"}, ["oven"]),
        ([("status", "exited"), ("ancestor", "reg.example/bread:1")], ["pond", "oven"]),
        ({"status": "exited", "ancestor": "fish:2"}, ["pond"]),
        ({"status": "exited", "ancestor": "nobody:1"}, []),
        ({"status": "exited", "label": "course"}, ["pond", "oven"]),
        ({"status": "exited", "label": "course=two"}, []),
        ({"status": "exited", "label": ["course=one", "course"]}, ["pond", "oven"]),
        ({"status": "exited", "label": ["course=one", "oven"]}, []),
        ({"status": "exited", "volume": "flour"}, ["oven"]),
        ({"status": "exited", "volume": "/v"}, ["oven"]),
        ({"network": "none", "health": "none"}, ["slow"]),
        ({"status": "paused"}, []),
    ],
)
def test_filters_of_containers(engine, filters, chosen):
    assert names(engine.ps(filters=filters)) == chosen


@pytest.mark.parametrize(
    ("filters", "chosen"),
    [
        ({"reference": "fish"}, ["fish:2"]),
        ({"reference": "fish:1"}, []),
        ({"reference": "*/bread"}, ["reg.example/bread:1"]),
        ({"reference": "f[a-j]s?:*"}, ["fish:2"]),
        ({"reference": "f*:[^1]"}, ["fish:2"]),
        ({"reference": "reg.*/br*1"}, ["reg.example/bread:1"]),
        ({"reference": "reg.example/br[^e]*"}, []),
        ({"reference": "*read"}, []),
        ({"label": "course=one"}, ["fish:2", "reg.example/bread:1"]),
        ({"since": "reg.example/bread:1"}, ["fish:2"]),
        ({"before": "reg.example/bread:1"}, ["localhost/base:latest"]),
        ({"dangling": True}, []),
    ],
)
def test_filters_of_images(engine, filters, chosen):
    assert [image.tags[0] for image in engine.images(filters=filters)] == chosen


def test_wrong_filters_are_told(engine):
    with pytest.raises(UsageError, match='no filter "colour" of containers'):
        engine.ps(filters={"colour": "red"})
    with pytest.raises(UsageError, match='has the status "dead"'):
        engine.ps(filters={"status": "dead"})
    with pytest.raises(UsageError, match="no regular expression"):
        engine.ps(filters={"name": "("})
    with pytest.raises(UsageError, match="true or false"):
        engine.images(filters={"dangling": "perhaps"})
    with pytest.raises(NotFoundError):
        engine.images(filters={"since": "nobody:1"})
    with pytest.raises(UsageError, match="syntax error in pattern"):
        engine.images(filters={"reference": "[-x]"})


def test_quiet_prints_ids_a_line_each(line):
    assert re.fullmatch(r"[0-9a-f]{12}", str(line("ps -q")))
    assert [len(text) for text in line("ps -aq --no-trunc")] == [64, 64, 64]
    assert re.fullmatch(r"[0-9a-f]{12}", line("images -q fish")[0])
    assert str(line("volume ls -q")) == "flour"
    assert len(line("ps -q --filter name=nobody")) == 0


def test_the_newest(line):
    assert names(line("ps -l")) == ["slow"]
    assert names(line("ps -n 2")) == ["slow", "pond"]


def test_a_format_is_dockers_template(line):
    assert str(line("ps --format {{.Names}}:{{.State}}")) == "slow:running"
    assert json.loads(line("ps -l --format json")[0])["Image"] == "localhost/base"
    assert str(line("images fish --format {{.Repository}}|{{.Tag}}")) == "fish|2"
    table = line(r"ps -a --format 'table {{.Names}}\t{{.Status}}'")
    assert table.columns == ("NAMES", "STATUS")
    assert line("""ps -a --format 'table {{.Label "course"}}'""").columns == ("course",)
    assert str(line("""ps --format '{{.Label "course"}}'""")) == "none"
    assert str(table).splitlines()[2] == "pond    exited (0)"
    assert line("history fish:2 --format {{.CreatedBy}}")[0] == "ENV A=1"
    assert str(line("volume inspect flour --format {{.Name}}")) == "flour"


def test_inspect_answers_by_dockers_names(line):
    assert str(line("inspect oven -f '{{.State.ExitCode}} {{.Name}} {{.Config.Env}}'")) == "3 /oven [B=2]"
    assert str(line("inspect oven --format '{{range .Mounts}}{{.Name}}:{{.Destination}}{{end}}'")) == "flour:/v"
    assert str(line("inspect slow -f {{.State.Running}}")) == "true"
    assert str(line("inspect slow -f {{.Config.Hostname}}")) == "slow"
    shown = json.loads(str(line("inspect fish:2 --type image -f json")))
    assert shown["RepoTags"] == ["fish:2"]
    assert shown["Config"]["Labels"] == {"course": "one"}
    with pytest.raises(NotFoundError):
        line("inspect --type image oven")
    with pytest.raises(UsageError, match=r"there is no \.Colour"):
        line("inspect oven -f {{.Colour}}")


def test_what_a_template_shows_cannot_take_hold_of_a_terminal(line):
    assert "\x1b" not in str(line("ps -a --format {{.Command}}"))
    assert r"\x1b" in str(line("inspect pond -f {{.Args}}")) or r"\033" in str(line("inspect pond -f {{.Args}}"))


def test_braces_of_a_template_are_not_the_notebooks(line):
    command = grammar.parse("ps --format {{.Names}}", fill=lambda word: 1 / 0, cell=False)
    assert command.options["format"] == "{{.Names}}"
    assert verbs.find("ps", cell=False).option("--format").raw


def test_digests_and_sizes_are_columns_of_their_own(line, engine):
    shown = line("images --digests fish")
    assert shown.columns[-1] == "DIGEST"
    assert [row[-1] for row in shown.rows] == [engine.inspect("fish:2").digest]
    engine.run("fish:2", ["sh", "-c", "head -c 2000 /dev/zero > /big"], name="heavy")
    shown = line("ps -as -f name=heavy")
    assert shown.columns[-1] == "SIZE"
    assert [row[-1] for row in shown.rows] == ["2.0 kB"]
    engine.rm("heavy")
