from __future__ import annotations

import pytest

from dockmagic.engine.command import SCRIPT_PATH, Defaults, environment, image_argv, script_argv
from dockmagic.errors import UsageError


def test_a_script_without_shebang_runs_under_sh_e():
    assert script_argv("echo hi", ("a",), interp=None, shell=()) == ("/bin/sh", "-e", SCRIPT_PATH, "a")


def test_a_shebang_chooses_the_interpreter_with_one_argument():
    argv = script_argv("#!/usr/bin/env -S python3 -u\nprint()", (), interp=None, shell=())
    assert argv == ("/usr/bin/env", "-S python3 -u", SCRIPT_PATH)


def test_interp_wins_over_the_shebang():
    assert script_argv("#!/bin/bash\n", (), interp="python3 -u", shell=()) == ("python3", "-u", SCRIPT_PATH)


def test_an_explicit_shell_of_the_image_loses_its_trailing_c():
    assert script_argv("x", (), interp=None, shell=("/bin/bash", "-eo", "pipefail", "-c")) == (
        "/bin/bash",
        "-eo",
        "pipefail",
        SCRIPT_PATH,
    )


@pytest.mark.parametrize(
    ("shell", "argv"),
    [
        (("/bin/bash", "-euc"), ("/bin/bash", "-eu", SCRIPT_PATH, "a")),
        (("/bin/bash", "-o", "pipefail", "-lc"), ("/bin/bash", "-o", "pipefail", "-l", SCRIPT_PATH, "a")),
        (("/bin/bash", "-eu"), ("/bin/bash", "-eu", SCRIPT_PATH, "a")),
        (("pwsh", "-Command"), ("pwsh", "-Command", SCRIPT_PATH, "a")),
    ],
)
def test_a_c_among_other_letters_is_taken_out_alone(shell, argv):
    assert script_argv("x", ("a",), interp=None, shell=shell) == argv


def test_unbalanced_quotes_in_interp_are_refused():
    with pytest.raises(UsageError):
        script_argv("x", (), interp="python3 'x", shell=())


def test_words_replace_cmd_and_keep_the_entrypoint():
    image = Defaults(entrypoint=("/e",), cmd=("a", "b"))
    assert image_argv(image, (), entrypoint=None) == ("/e", "a", "b")
    assert image_argv(image, ("c",), entrypoint=None) == ("/e", "c")


def test_a_given_entrypoint_drops_cmd():
    image = Defaults(entrypoint=("/e",), cmd=("a",))
    assert image_argv(image, (), entrypoint="/x") == ("/x",)
    assert image_argv(image, ("y",), entrypoint="") == ("y",)


def test_the_environment_is_the_images_then_the_callers():
    env = dict(environment(Defaults(env=("PATH=/bin", "A=1")), {"A": "2"}, hostname="h"))
    assert env == {"PATH": "/bin", "HOSTNAME": "h", "A": "2"}
