from __future__ import annotations

from types import SimpleNamespace

import pytest

from dockmagic.api.expect import Expect
from dockmagic.errors import ExpectationError, UsageError
from dockmagic.listing import Content, File
from dockmagic.oci.changeset import Entry
from dockmagic.results import Build, Container, Image, Layer, Run
from dockmagic.testing import Expect as Public

LAYER = Layer(diff_id="sha256:d", digest="sha256:b", size=1500, files=1, instruction="COPY a /a")
SETTINGS = {
    "User": "nobody",
    "WorkingDir": "/srv",
    "Cmd": ["cat", "/a b"],
    "Env": ["A=b=c", "E="],
    "Labels": {"l": "v"},
    "ExposedPorts": {"80/tcp": {}},
    "Volumes": {"/data": {}},
}
IMAGE = Image(
    id="sha256:1", tags=("b:1",), layers=(LAYER, LAYER), config={"config": SETTINGS}, digest="sha256:2", entries=()
)
RUN = Run(
    exit_code=3, stopped="", stdout="o\n", stderr="e\n", output="o\ne\n", changes={"/n": "A", "/o": "D"}, image=IMAGE
)
ENTRIES = (
    Entry(path="a", type="file", mode=0o644, uid=7, gid=8),
    Entry(path="d", type="dir", mode=0o1777),
    Entry(path="l", type="symlink", linkname="a"),
    Entry(path="p", type="fifo"),
)


class Shelf:
    """What knows one image, and runs nothing."""

    def __init__(self, run=RUN):
        self._run = run
        self.runs = []

    def inspect(self, name):
        return {"b:1": IMAGE, "sha256:1": IMAGE}[name]

    def files(self, place):
        return (*(File(entry, "") for entry in ENTRIES), File(Entry(path="gone", type="file"), "D"))

    def read(self, place, path, *, limit):
        return Content(kind="-", size=5, data="rød\n".encode())

    def run(self, image, argv, *, script=None):
        self.runs.append((image, argv, script))
        return self._run


@pytest.fixture
def shelf(engine, monkeypatch):
    found = Shelf()
    for name in ("inspect", "files", "read", "run"):
        monkeypatch.setattr(type(engine), name, getattr(Shelf, name).__get__(found), raising=False)
    return found


GOOD = """
file /a is "rød\\n" mode 644 owner 7:8   # a comment
file /a is rød contains r
directory /d mode 1777 owner 0:0
link /l to a
no /gone
layers 2
layers at least 1
layers at most 2
size at most 3kB
user nobody
workdir /srv
cmd cat "/a b"
env A b=c
env E ""
label l v
port 80
volume /data
run sh -c x
exit 3
stdout is o
stderr contains e
output is "o\\ne\\n"
changes A /n D /o
"""


def test_what_holds_is_reported(execute, shelf, capsys):
    assert execute(f"%%container expect b:1 --result report{GOOD}") is None
    told = capsys.readouterr().out
    assert told.startswith("22 of 22 expectations hold\n")
    assert "ok   workdir /srv\n" in told
    assert shelf.runs == [(IMAGE, ("sh", "-c", "x"), None)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("file /x", "nothing stands there"),
        ("file /gone", "nothing stands there"),
        ("file /d", "it is a directory"),
        ("file /p", "it is a fifo"),
        ("file /a mode 600", "its mode is 644"),
        ("file /a owner 0:0", "its owner is 7:8"),
        ("file /a is x", "it is 'rød\\n'"),
        ("file /a contains x", "it does not: 'rød\\n'"),
        ("directory /a", "it is a file"),
        ("link /a to b", "it is a file"),
        ("link /l to b", "it leads to a"),
        ("no /a", "there is a file"),
        ("layers 3", "there are 2"),
        ("layers at least 3", "there are 2"),
        ("layers at most 1", "there are 2"),
        ("size at most 1kB", "it has 3.0 kB"),
        ("user root", "it is nobody"),
        ("entrypoint x", "it is empty"),
        ("cmd cat", "it is cat '/a b'"),
        ("env X y", "it is not set"),
        ("env A y", "it is b=c"),
        ("label l w", "it is v"),
        ("port 81/udp", "there are: 80/tcp"),
        ("lint", "it is no build: keep it with --result"),
        ("exit 0", "it is no run"),
        ("changes nothing", "it is neither a run nor a container"),
        ("run x\nexit 0", "it ended with 3"),
        ("run x\nstdout is x", "it is 'o\\n'"),
        ("run x\noutput contains x", "it does not: 'o\\ne\\n'"),
        ("run x\nchanges nothing", "they are A /n D /o"),
    ],
)
def test_what_does_not_hold_says_why_and_where(execute, shelf, capsys, line, reason):
    error = execute(f"%%container expect b:1\nlayers 2\n{line}")
    assert isinstance(error, ExpectationError)
    assert isinstance(error, AssertionError)
    number = 2 + line.count("\n")
    assert str(error).startswith(f"line {number}: ")
    assert error.message.endswith(f": {reason}")
    assert error.hint == "1 of 2 expectations do not hold"
    assert f": {reason}" in capsys.readouterr().out


class Hostile(Shelf):
    """Its link's text moves a terminal's cursor."""

    def files(self, place):
        return (File(Entry(path="l", type="symlink", linkname="\x1b[2J\na"), ""),)


def test_the_report_has_a_line_for_each_and_obeys_no_container():
    expect = Expect("b:1", engine=Hostile()).link("/l", "a").file("/x\n", content="o\n")
    told = str(expect.report())
    assert len(told.splitlines()) == 4
    assert "it leads to \\x1b[2J\\na" in told


def test_a_report_alone_raises_nothing(execute, shelf, shell):
    assert execute("%%container expect b:1 --no-raise-error --result report\nlayers 9\nlayers 2") is None
    assert [finding.ok for finding in shell.user_ns["report"]] == [False, True]
    assert shell.user_ns["report"].title == "1 of 2 expectations hold"


def test_a_variable_with_a_result_goes_before_a_name(execute, shelf, shell):
    shell.user_ns["mine"] = RUN
    assert execute("%%container expect mine\nexit 3\nlayers 2\nchanges A /n D /o") is None
    shell.user_ns["built"] = Build(image=IMAGE, steps=(), log="", exit_code=0, warnings=("X: line 1",))
    assert "lint: X: line 1" in str(execute("%%container expect built\nlint"))
    shell.user_ns["failed"] = Build(image=None, steps=(), log="", exit_code=1)
    assert "there is no image: the build failed" in str(execute("%%container expect failed\nlayers 1"))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("fiel /a", 'line 2: unknown word "fiel" (did you mean file?)'),
        ("file", "line 2: file cannot be understood so"),
        ("file /a mode x", "line 2: file cannot"),
        ("file /a mode", "line 2: file cannot"),
        ("file /a colour red", "line 2: file cannot"),
        ("file 'a", "line 2: a quote is not closed"),
        ("link /a b c", "line 2: link cannot"),
        ("no", "line 2: no cannot"),
        ("layers many", "line 2: layers cannot"),
        ("layers about 3", "line 2: layers cannot"),
        ("size 3MB", "line 2: size cannot"),
        ("user", "line 2: user cannot"),
        ("env A", "line 2: env cannot"),
        ("lint x", "line 2: lint cannot"),
        ("exit", "line 2: exit cannot"),
        ("output x y", "line 2: output cannot"),
        ("changes X /a", "line 2: changes cannot"),
        ("changes", "line 2: changes cannot"),
        ("run", "line 2: run WORDS..."),
    ],
)
def test_a_line_that_cannot_be_understood_stops_before_anything_runs(execute, shelf, line, reason):
    error = execute(f"%%container expect b:1\nrun x\n{line}")
    assert isinstance(error, UsageError)
    assert str(error).startswith(reason)
    assert shelf.runs == []


def test_a_cell_without_expectations_is_a_mistake(execute, shelf):
    assert isinstance(execute("%%container expect b:1\n# nothing"), UsageError)


def test_expectations_in_python():
    shelf = Shelf()
    expect = Public("b:1", engine=shelf)
    expect.file("/a", contains="r", mode=0o644).absent("/x").run(script="true").exit_code(3).changes(
        {"/n": "A", "/o": "D"}
    )
    expect.check()
    assert [finding.ok for finding in expect.report()] == [True] * 4
    assert shelf.runs == [(IMAGE, (), "true")]
    kept = Container(id="c" * 64, name="k", status="exited", image_id="sha256:1", image="b:1", changes={"/n": "A"})
    Expect(kept, engine=shelf).changes({"/n": "A"}).layers(2).file("/a").check()
    with pytest.raises(AssertionError, match="layers 3: there are 2"):
        Expect(IMAGE, engine=SimpleNamespace()).layers(3).check()
