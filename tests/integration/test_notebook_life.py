"""Limits and the background in a real kernel: what a cell shows and keeps."""

from __future__ import annotations

import pytest
from jupyter_client.manager import start_new_kernel

from tests.integration.test_notebook_cells import BREAD, MIME, Kernel, kinds, text


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    manager, client = start_new_kernel(kernel_name="python3", startup_timeout=60)
    try:
        found = Kernel(manager, client)
        found.run(f"import os; os.environ['DOCKMAGIC_HOME'] = {str(home)!r}\n%load_ext dockmagic")
        assert "display_data" in kinds(found.run(BREAD))
        yield found
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def record(messages):
    return next(content for kind, content in messages if kind == "display_data")


def test_a_hog_has_its_record_and_one_short_error(kernel):
    told = kernel.run('%%container run bread:1 -m 64m\nx=0123456789abcdef\nwhile :; do x="$x$x"; done')
    assert kinds(told) == ["display_data", "error"]
    assert record(told)["data"][MIME]["stopped"] == "memory limit"
    assert "exit_code" not in record(told)["data"][MIME]
    assert record(told)["metadata"][MIME]["isolation"]["limits"].keys() == {"memory", "pids"}
    error = told[-1][1]
    assert (error["ename"], error["evalue"].splitlines()[0]) == (
        "RunError", "the script was ended by the memory limit of 64m (exit code 137)"
    )  # fmt: skip


def test_endless_output_is_cut_and_the_kernel_answers(kernel):
    told = kernel.run("%%container run bread:1 --output-limit 100k --timeout 2s --no-raise-error\nyes")
    shown = text(told)
    assert shown.endswith("\n[output cut after 102,400 bytes: --output-limit]\n")
    assert len(shown) < 110_000
    assert record(told)["data"][MIME]["stopped"] == "timeout"
    assert text(kernel.run("print(6 * 7)")) == "42\n"


def test_a_cell_in_the_background_ends_at_once_and_is_the_same_every_time(kernel):
    cell = "%%container run bread:1 --name pond --bg --proc p\necho ready\nwhile :; do sleep 0.1; done"
    first = kernel.run(cell)
    assert kinds(first) == ["display_data"]
    document = record(first)["data"][MIME]
    assert (document["background"], document["container"]) == (True, {"name": "pond"})
    assert text(kernel.run("%container stop pond\nprint(p.running, p.wait(20).exit_code)")) == "False 137\n"
    assert text(kernel.run("log = %container logs pond\nprint(log, end='')")) == "ready\n"
    again = kernel.run(cell)
    assert record(again)["data"] == record(first)["data"]
    kernel.run("%container rm -f pond")


def test_a_log_is_followed_in_a_cell(kernel):
    kernel.run("%%container run bread:1 --name talk --bg\nsleep 0.3\necho one\nsleep 0.3\necho two")
    assert text(kernel.run("%container logs -f talk")) == "one\ntwo\n"
    kernel.run("%container rm talk")


def test_a_detached_container_goes_on_when_the_kernel_is_killed_and_another_kernel_ends_it(kernel):
    home = text(kernel.run("import os; print(os.environ['DOCKMAGIC_HOME'])")).strip()
    manager, client = start_new_kernel(kernel_name="python3", startup_timeout=60)
    try:
        other = Kernel(manager, client)
        other.run(f"import os; os.environ['DOCKMAGIC_HOME'] = {home!r}\n%load_ext dockmagic")
        told = other.run("%%container run bread:1 --name lake --detach --rm\necho ready\nwhile :; do sleep 0.1; done")
        assert kinds(told) == ["display_data"]
        document = record(told)["data"][MIME]
        assert (document["verdict"], document["detached"]) == ("running, detached", True)
        failed = other.run("%%container run bread:1 --name puddle -d --interp no-such-shell\ntrue")
        assert kinds(failed) == ["display_data", "error"]
        assert failed[-1][1]["evalue"].startswith('"no-such-shell" is not in the image (exit code 127)')
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)  # SIGKILL for its process group
    assert "running (detached)" in text(kernel.run("p = %container ps\nprint(p)"))
    assert text(kernel.run("x = %container exec --running lake cat /filling\nprint(x.exit_code)")).endswith("0\n")
    kernel.run("%container stop lake")
    assert "lake" not in text(kernel.run("p = %container ps\nprint(p)"))
    kernel.run("%container rm puddle")
