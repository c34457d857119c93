from __future__ import annotations

import pytest
from IPython.core.completer import provisionalcompleter

from dockmagic.kernels import kernelspec
from dockmagic.kernels.kernelspec import Kernel
from dockmagic.magics.completer import complete


def completions(before):
    return complete(before, images=lambda: ["bread:1", "menu:1"], containers=lambda: ["fish1"])


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
        ("print", []),
    ],
)
def test_the_end_of_a_magic_line_is_completed(before, expected):
    assert completions(before) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("%%container run bre", "bread:1"), ("x = %container run --ti", "--timeout")]
)
def test_the_shell_asks_it(shell, text, expected):
    with provisionalcompleter():
        found = {completion.text for completion in shell.Completer.completions(text, len(text))}
    assert expected in found


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
