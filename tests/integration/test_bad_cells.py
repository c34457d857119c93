"""Cells that nobody should write, in a real kernel: one short error, and the kernel and the store go on."""

from __future__ import annotations

import subprocess
import sys

import pytest
from jupyter_client.manager import start_new_kernel

from dockmagic.engine.engine import Engine
from tests.integration.test_notebook_cells import BREAD, Kernel, kinds, text

MEGABYTES = 50
LINE = "#" * 9_999 + "\n"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    manager, client = start_new_kernel(kernel_name="python3", startup_timeout=60)
    try:
        found = Kernel(manager, client)
        found.run(f"import os; os.environ['DOCKMAGIC_HOME'] = {str(home)!r}\n%load_ext dockmagic\nimport dockmagic")
        assert "display_data" in kinds(found.run(BREAD))
        yield found
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.fixture(autouse=True)
def goes_on(kernel):
    """Nothing was lost."""
    yield
    check = "print(dockmagic.Engine().session.store.check())\nprint(dockmagic.run('bread:1', 'cat /filling').stdout)"
    assert text(kernel.run(check)) == "[]\nred bean\n\n"


def error(messages):
    return next((content["ename"], content["evalue"]) for kind, content in messages if kind == "error")


@pytest.mark.slow
def test_a_script_of_fifty_megabytes_runs(kernel):
    told = kernel.run(f"%%container run bread:1 -q\n{LINE * (MEGABYTES * 100)}echo end")
    assert (kinds(told), text(told)) == (["stream"], "end\n")


@pytest.mark.slow
def test_a_dockerfile_of_fifty_megabytes_is_refused(kernel):
    name, says = error(kernel.run(f"%%container build\n{LINE * (MEGABYTES * 100)}FROM bread:1"))
    assert name == "DockerfileError"
    assert "larger than" in says


def test_a_byte_that_is_no_utf8_is_that_byte_in_the_script(kernel):
    told = kernel.run("get_ipython().run_cell_magic('container', 'run bread:1 -q', 'printf caf\\udce9 | od -An -tx1')")
    assert text(told).split() == ["63", "61", "66", "e9"]


@pytest.mark.parametrize(
    ("line", "body", "says"),
    [
        ("run bread:1", "true\\necho \\ud800", "line 2: U+D800 is no character that a file can hold"),
        ("build", "FROM bread:1\\nRUN echo \\ud800", "line 2: U+D800 is no character that a file can hold"),
        ("run bread:1 -e A=\\udfff", "true", "a variable has U+DFFF, which is no character"),
        ("run bread:1 -- \\ud800", "true", "an argument has U+D800, which is no character"),
        ("run bread:1 -w /\\0", "true", "a path has a NUL byte, which no program can be given"),
        ("build --build-arg A=\\ud800", "FROM bread:1", "a build argument has U+D800, which is no character"),
        ("build --label A=\\0", "FROM bread:1", "a label has a NUL byte, which no program can be given"),
    ],
)
def test_text_that_no_file_holds_is_told(kernel, line, body, says):
    told = kernel.run(f"get_ipython().run_cell_magic('container', '{line}', '{body}')")
    assert kinds(told) == ["error"]
    assert error(told)[1].splitlines()[0] == says


def test_an_image_that_was_removed_under_a_kept_container_is_told(kernel):
    kernel.run("%%container build -t gone:1\nFROM bread:1\nENV A=b")
    kernel.run("%%container run gone:1 --name orphan -q\ntouch /kept")
    name, says = error(kernel.run("%container rmi gone:1"))
    assert (name, "orphan" in says) == ("ConflictError", True)
    kernel.run("%container rmi -f gone:1")
    assert text(kernel.run("%%container exec orphan -q\nls /kept; echo $A")) == "/kept\nb\n"
    name, says = error(kernel.run("%%container run localhost/gone:1\ntrue"))
    assert "gone:1" in says
    assert "error" not in kinds(kernel.run("%container rm orphan"))


FIGHT = """
import sys
from dockmagic.engine.engine import Engine
from dockmagic.errors import ConflictError
engine = Engine(sys.argv[1])
engine.images()
print("ready", flush=True)
sys.stdin.readline()
try:
    run = engine.run("bread:1", script="sleep 2; echo mine", name="one")
    print("ran", run.exit_code, run.stdout.strip())
except ConflictError as error:
    print("refused", str(error).splitlines()[0])
engine.close()
"""


def test_of_two_kernels_that_want_one_name_at_once_one_gets_it(tmp_path):
    engine = Engine(tmp_path / "home")
    engine.build("FROM localhost/base\n", tags=("bread:1",))
    engine.run("bread:1", script="true", name="one")  # ended: whoever comes first may replace it
    command = [sys.executable, "-c", FIGHT, str(tmp_path / "home")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as one, subprocess.Popen(command, **pipes) as other:
        for process in (one, other):
            assert process.stdout.readline() == "ready\n"
        for process in (one, other):
            process.stdin.write("go\n")
            process.stdin.flush()
        told = sorted(process.communicate(timeout=60)[0] for process in (one, other))
    assert told[0] == "ran 0 mine\n"
    assert told[1].startswith('refused the name "one" belongs to ')
    assert [(c.name, c.status, c.exit_code) for c in engine.ps(all=True)] == [("one", "exited", 0)]
    assert engine.session.store.check() == []
    engine.close()
