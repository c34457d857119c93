from __future__ import annotations

import pytest
from IPython.core.completer import provisionalcompleter

from dockmagic.kernels import kernelspec
from dockmagic.kernels.kernelspec import Kernel
from dockmagic.magics.completer import Known, complete, kernel_names, path_names

KNOWN = Known(
    images=lambda: ["bread:1", "menu:1"],
    containers=lambda: ["fish1"],
    kernels=kernel_names,
    variables=lambda: ["rows", "run"],
    paths=lambda text, directory: [f"{text}+{directory}"],
)


def completions(cell, known=KNOWN):
    """At the mark ``|``, or at the end."""
    before, _, after = cell.partition("|")
    lines = before.split("\n")
    found = complete(before + after, len(lines) - 1, len(lines[-1]), known)
    assert lines[-1].endswith(found.fragment)
    return list(found.words)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("%%container r", ["run"]),
        ("%%container ", ["build", "check", "exec", "expect", "run"]),
        ("img = %container ins", ["inspect"]),
        ("%container lo", ["load", "login", "logout", "logs"]),
        ("%%container run --ti", ["--timeout"]),
        ("%%container run br", ["bread:1"]),
        ("%%container run ", ["bread:1", "menu:1"]),
        ("%%container exec ", ["fish1"]),
        ("%container inspect ", ["bread:1", "fish1", "menu:1"]),
        ("%container rm a ", ["fish1"]),
        ("%%container -t x --no-r", ["--no-raise-error"]),
        ("%%container run --name ", []),
        ("%%container run --publ", ["--publish", "--publish-all"]),
        ("%%container nothing ", []),
        ("%%container run bread:", ["bread:1"]),
        ("%%container run bread:1 --result ru", ["run"]),
        ("%%container run bread:1 --in rows,ru", ["run"]),
        ("%%container run bread:1 --in data=ro", ["rows"]),
        ("%%container run bread:1 --stdin=ro", ["rows"]),
        ("%%container build -t me", ["menu:1"]),
        ("%%container build --target b|\nFROM x AS a\nFROM a AS bake", ["bake"]),
        ("x = 1\n%container ins", ["inspect"]),
        ("x = 1\n%%container b", []),
        ("\n\n%%container b", ["build"]),
        ("print", []),
        ("%%container run bread:1 --network pr", ["private"]),
        ("%%container run bread:1 --network=", ["container:", "host", "none", "private"]),
        ("%%container run bread:1 --pull a", ["always"]),
        ("%%container build --progress ", ["auto", "none", "plain", "quiet"]),
        ("%container ps --filter st", ["status="]),
        ("%container inspect --type ", ["container", "image"]),
        ("%container load x", ["x+."]),
        ("%container build -f Dock", ["Dock+."]),
        ("%%container run bread:1 --env-file=a/b", ["a/b+."]),
        ("%%container run bread:1 -v ./d", ["./d+."]),
        ("%%container run bread:1 -v ./d:/d", []),
        ("%%container run bread:1 -w /s", []),
    ],
)
def test_the_end_of_a_magic_line_is_completed(before, expected):
    assert completions(before) == expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("%%container build\nFROM br", ["bread:1"]),
        ("%%container -t x\nFROM x\nRUN --mo|\n---\nls", ["--mount="]),
        ("%%container -t x\nFROM x\n---\nRU", []),
        ("%%container run bread:1\nRU", []),
        ("%%container check\nFRO", ["FROM"]),
        ("%%container build\n# dockmagic: --no-c", ["--no-cache", "--no-cache-filter"]),
        ("%%container run x\n# dockmagic: -v a:b --ti", ["--timeout"]),
        ("%%container build\nFROM x\n# dockmagic: --no-c", []),
        ("x = 1\nFRO", []),
        ("%%container build\nFROM x\nCOPY s", ["s+."]),
        ("%%container --context ctx -t x\nFROM x\nCOPY --chown=1 a s|\n---\nls", ["s+ctx"]),
        ("%%container build --context=ctx\nFROM x\nADD /s", ["/s+ctx"]),
        ("%%container build\nFROM x\nCOPY --from=x s", []),
        ("%%container nothing\nFRO", []),
    ],
)
def test_the_body_is_completed(cell, expected):
    assert completions(cell) == expected


def test_names_are_asked_only_where_they_may_stand():
    def never(*_):
        raise AssertionError

    silent = Known(images=never, containers=never, kernels=never, variables=never, paths=never)
    assert completions("%%container build\nFROM x\nRUN --n", silent) == ["--network="]
    assert completions("%%container run --ti", silent) == ["--timeout"]


@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        ("%%container run bre", 16, "bread:1"),
        ("%%container run bread:", 16, "bread:1"),
        ("x = %container run --ti", 19, "--timeout"),
        ("%%container build\nFROM localhost/py", 23, "localhost/python"),
        ("%%container build\nFROM x\nRUN --mount=type=ca", 42, "cache"),
        ("%%container run x --network=pri", 28, "private"),
    ],
)
def test_the_shell_asks_it_and_nobody_else(shell, text, start, expected):
    with provisionalcompleter():
        found = list(shell.Completer.completions(text, len(text)))
    assert [(each.start, each.end, each.text) for each in found] == [(start, len(text), expected)]


def test_python_is_completed_as_before_and_nothing_stays_after_unloading(shell):
    with provisionalcompleter():
        assert "print" in {each.text for each in shell.Completer.completions("pri", 3)}
        shell.run_line_magic("unload_ext", "dockmagic")
        assert shell.Completer.custom_matchers == []
        text = "%%container build\nFRO"
        assert "FROM" not in {each.text for each in shell.Completer.completions(text, len(text))}
        shell.run_line_magic("load_ext", "dockmagic")


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("%container kernel ", ["install", "ls", "rm"]),
        ("%container kernel install br", ["bread:1"]),
        ("%container kernel install --disp", ["--display-name"]),
        ("%container kernel rm ", ["fish"]),
    ],
)
def test_kernels_are_completed(before, expected, tmp_path, monkeypatch):
    for name in ("DATA", "CONFIG"):
        monkeypatch.setenv(f"JUPYTER_{name}_DIR", str(tmp_path / name.lower()))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    kernelspec.write(Kernel(name="fish", display_name="Fish", image="bread:1"), kernelspec.place())
    assert completions(before) == expected


def test_paths_go_on_as_they_were_begun(tmp_path):
    for name in ("src", ".git"):
        (tmp_path / name).mkdir()
    for name in ("setup.py", "src/a.txt", "two words", ".dockerignore"):
        (tmp_path / name).write_text("")
    directory = str(tmp_path)
    assert path_names("", directory) == ["setup.py", "src/"]
    assert path_names("s", directory) == ["setup.py", "src/"]
    assert path_names("src/", directory) == ["src/a.txt"]
    assert path_names("./sr", directory) == ["./src/"]
    assert path_names(".d", directory) == [".dockerignore"]
    assert path_names(f"{directory}/se", "/nowhere") == [f"{directory}/setup.py"]
    assert path_names("absent/", directory) == []
