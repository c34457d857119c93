"""Cells in a real kernel, looked at message by message."""

from __future__ import annotations

import queue
import time

import pytest
from jupyter_client.manager import start_new_kernel

MIME = "application/vnd.dockmagic.run+json"
BREAD = """%%container -t bread:1
FROM localhost/base
COPY <<EOF /filling
red bean
EOF
CMD ["cat", "/filling"]
"""

AWAITING = """from dockmagic import aio
await aio.run("bread:1", script="echo started; sleep 600", on_output=lambda stream, data: print(data.decode(), end=""))
"""


class Kernel:
    """A kernel with dockmagic loaded; each cell gives its messages in order."""

    def __init__(self, manager, client):
        self.manager = manager
        self.client = client

    def start(self, cell):
        return self.client.execute(cell, store_history=False)

    def messages(self, started, timeout=120):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            try:
                message = self.client.get_iopub_msg(timeout=1)
            except queue.Empty:
                continue
            if message["parent_header"].get("msg_id") != started:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                return
            # a comm is no output: nobody sees it who does not listen for it
            if kind not in {"status", "execute_input"} and not kind.startswith("comm_"):
                yield kind, content
        pytest.fail("the cell did not end")

    def run(self, cell):
        return list(self.messages(self.start(cell)))


def text(messages, stream="stdout"):
    return "".join(content["text"] for kind, content in messages if kind == "stream" and content["name"] == stream)


def kinds(messages):
    """The kinds of output in order, streams told once."""
    told = [kind for kind, _ in messages]
    return [kind for index, kind in enumerate(told) if kind != "stream" or told[index - 1 : index] != ["stream"]]


def error(messages):
    return next(content for kind, content in messages if kind == "error")


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    manager, client = start_new_kernel(kernel_name="python3", startup_timeout=60)
    try:
        made = Kernel(manager, client)
        loaded = made.run(f"import os; os.environ['DOCKMAGIC_HOME'] = {str(home)!r}\n%load_ext dockmagic")
        assert loaded == []
        assert kinds(made.run(BREAD)) == ["stream", "display_data"]
        yield made
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_a_cell_leaves_what_was_printed_and_one_record(kernel):
    messages = kernel.run("%%container run bread:1\ncat /filling\necho more >&2\necho x > /x\n")
    assert kinds(messages) == ["stream", "display_data"]
    assert text(messages) == "red bean\n"
    assert text(messages, "stderr") == "more\n"
    data = messages[-1][1]["data"]
    assert set(data) == {"text/plain", "text/html", MIME}
    assert "A /x" in data["text/plain"]


def test_output_comes_while_the_script_runs(kernel):
    begin = time.monotonic()
    seen = []
    started = kernel.start("%%container run bread:1\nfor i in 1 2 3; do printf '%s\\r' $i; sleep 0.7; done\n")
    for kind, content in kernel.messages(started):
        if kind == "stream":
            seen.append((time.monotonic() - begin, content["text"]))
    assert "".join(part for _, part in seen) == "1\r2\r3\r"
    assert seen[-1][0] - seen[0][0] > 1


def test_an_interrupt_ends_the_script_and_the_kernel_goes_on(kernel):
    started = kernel.start("%%container run bread:1 --result r\necho started\nsleep 60 & sleep 60\n")
    seen = []
    asked = 0.0
    for message in kernel.messages(started):
        seen.append(message)
        if not asked and "started" in text(seen):
            asked = time.monotonic()
            kernel.manager.interrupt_kernel()
    assert time.monotonic() - asked < 40
    assert kinds(seen) == ["stream", "display_data", "error"]
    assert error(seen)["ename"] == "KeyboardInterrupt"
    assert not any(".py" in line for line in error(seen)["traceback"])
    assert text(kernel.run("print(r.exit_code, r.stopped)")) == "130 interrupted\n"


@pytest.mark.parametrize(
    "cell",
    [
        "%%container build --progress plain --no-cache\nFROM localhost/base\nRUN echo start''ed; sleep 60 & sleep 60\n",
        "%%container --progress plain --no-cache\nFROM localhost/base\nRUN echo start''ed; sleep 60\n---\ntrue\n",
        "done = %container run bread:1 sh -c 'echo started; sleep 60'",
        "%%container run bread:1\ntrap '' INT; echo started; while :; do sleep 1; done\n",
    ],
)
def test_whatever_runs_is_interrupted_and_the_store_stays_whole(kernel, cell):
    started = kernel.start(cell)
    seen = []
    asked = 0.0
    for message in kernel.messages(started):
        seen.append(message)
        if not asked and "started\n" in text(seen):
            asked = time.monotonic()
            kernel.manager.interrupt_kernel()
    assert time.monotonic() - asked < 40
    assert error(seen)["ename"] == "KeyboardInterrupt"
    assert not any(".py" in line for line in error(seen)["traceback"])
    check = "from dockmagic.engine.engine import default\nprint(default().session.store.check(), len(default().ps()))"
    assert text(kernel.run(check)) == "[] 0\n"


def test_a_cell_that_awaits_a_run_is_interrupted(kernel):
    seen = []
    asked = False
    for message in kernel.messages(kernel.start(AWAITING)):
        seen.append(message)
        if not asked and "started\n" in text(seen):
            asked = True
            kernel.manager.interrupt_kernel()
    assert error(seen)["ename"] == "CancelledError"
    assert text(kernel.run("left = %container ps\nprint(len(left))")) == "0\n"


def test_a_failing_script_shows_its_record_then_one_short_error(kernel):
    messages = kernel.run("%%container run bread:1 --result r\necho oh >&2\nexit 3\n")
    assert kinds(messages) == ["stream", "display_data", "error"]
    found = error(messages)
    assert (found["ename"], found["evalue"]) == ("RunError", "the script failed with exit code 3")
    assert not any("Traceback" in line or ".py" in line for line in found["traceback"])
    assert text(
        kernel.run("import subprocess; print(isinstance(r.error, subprocess.CalledProcessError), r.exit_code)")
    ) == ("True 3\n")


def test_a_failure_may_stay_in_the_result(kernel):
    messages = kernel.run("%%container run bread:1 --no-raise-error --result r --timeout 500ms\nsleep 60\n")
    assert kinds(messages) == ["display_data"]
    assert text(kernel.run("print(r.exit_code, r.stopped)")) == "137 timeout\n"
    assert "timeout" in messages[0][1]["data"]["text/plain"]


def test_a_bad_dockerfile_draws_a_caret_below_the_cells_line(kernel):
    messages = kernel.run("%%container\n# dockmagic: -q\n# escape=`\nFROM localhost/base\nRUM x\n---\ntrue\n")
    found = error(messages)
    assert found["ename"] == "DockerfileError"
    assert "line 4" in found["evalue"]
    shown = "\n".join(found["traceback"])
    assert "4 | RUM x" in shown
    assert "^" in shown


def test_a_failed_step_names_its_line(kernel):
    messages = kernel.run("%%container build --result b\nFROM localhost/base\nRUN echo said; exit 7\n")
    assert kinds(messages) == ["display_data", "error"]
    found = error(messages)
    assert found["ename"] == "BuildError"
    assert "line 2" in found["evalue"]
    assert "7" in found["evalue"]
    assert "said" in "\n".join(found["traceback"])
    assert text(kernel.run("print(b.image, b.exit_code, 'said' in b.log)")) == "None 7 True\n"


def test_progress_is_printed_when_asked_for(kernel):
    messages = kernel.run("%%container build --progress plain --no-cache\nFROM localhost/base\nRUN echo sa''id\n")
    assert "said\n" in text(messages)
    assert "RUN echo" in text(messages)


def test_words_become_parameters_and_python_values_go_in(kernel):
    kernel.run("who = 'Min ji'")
    messages = kernel.run(
        '%%container run -q bread:1 {who} $HOME -e X={len(who)} -- -x\necho "$1|$2|$3|$X"\necho "{who}"\n'
    )
    assert text(messages) == "Min ji|$HOME|-x|6\n{who}\n"


def test_build_arguments_take_python_values(kernel):
    messages = kernel.run(
        "%%container -q --build-arg WHO={who}\nFROM localhost/base\nARG WHO\nRUN echo $WHO > /who\n---\ncat /who\n"
    )
    assert text(messages) == "Min ji\n"


def test_another_language_reads_the_script(kernel):
    messages = kernel.run(
        "%%container run -q bread:1 one\n# dockmagic: -w /tmp\n#!/usr/bin/awk -f\nBEGIN { print ARGV[1] }\n"
    )
    assert text(messages) == "one\n"
    messages = kernel.run("%%container run -q bread:1 --interp 'sh -x'\necho traced\n")
    assert text(messages) == "traced\n"
    assert "+ echo traced" in text(messages, "stderr")


def test_input_and_output_are_variables(kernel):
    kernel.run("given = 'é\\n'")
    messages = kernel.run("%%container run -q bread:1 --stdin given --out taken --err trouble\ncat\necho oh >&2\n")
    assert messages == []
    assert text(kernel.run("print([taken, trouble])")) == "['é\\n', 'oh\\n']\n"


def test_a_cell_may_run_again_under_its_name(kernel):
    for _ in range(2):
        assert text(kernel.run("%%container run bread:1 --name again\necho x >> /x\nwc -l < /x | tr -d ' '\n")) == "1\n"
    assert text(kernel.run("%%container exec again\necho y >> /x\nwc -l < /x | tr -d ' '\n")) == "2\n"
    messages = kernel.run("%container rm again")
    assert messages[-1][1]["data"]["text/plain"] == "REMOVED\nagain"


def test_the_images_own_command_runs_by_a_line(kernel):
    messages = kernel.run("%container run bread:1")
    assert kinds(messages) == ["stream", "execute_result"]
    assert text(messages) == "red bean\n"
    assert text(kernel.run("done = %container run bread:1 ls -a /filling\nprint(done.exit_code)")) == "/filling\n0\n"


def test_returned_values_show_their_record(kernel):
    for cell in ("%container inspect bread:1", "%container inspect localhost/base"):
        data = kernel.run(cell)[-1][1]["data"]
        assert MIME in data
    data = kernel.run("%container images")[-1][1]["data"]
    assert "bread:1" in data["text/plain"]


def test_python_needs_no_magic_and_shows_nothing(kernel):
    messages = kernel.run(
        "import dockmagic\nran = dockmagic.run('bread:1', script='cat /filling')\nbuilt = dockmagic.build('FROM bread:1')\n"
    )
    assert messages == []
    assert text(kernel.run("print(ran.stdout, built.image.id[:17] == built.image.short_id)")) == "red bean\n True\n"


@pytest.mark.parametrize(
    ("cell", "name", "says"),
    [
        ("%%container run nowhere:1\ntrue", "NotFoundError", "nowhere:1"),
        ("%%container run bread:1 --nmae x\ntrue", "UsageError", "did you mean --name?"),
        ("%%container run -it bread:1\ntrue", "UsageError", "no terminal"),
        ("%%container run bread:1 --gpus all\ntrue", "UsageError", "no device of this machine"),
        ("%%container run bread:1 {nobody}\ntrue", "UsageError", '"nobody" is not defined'),
        ("%%container rum bread:1\ntrue", "UsageError", "did you mean run?"),
        ("%%container exec nobody\ntrue", "NotFoundError", "nobody"),
        ("%container search alpine", "UsageError", "asked by an image's whole name"),
        ("%container rm nobody", "NotFoundError", "nobody"),
    ],
)
def test_a_mistake_is_one_short_error(kernel, cell, name, says):
    messages = kernel.run(cell)
    assert kinds(messages) == ["error"]
    found = error(messages)
    assert found["ename"] == name
    assert says in found["evalue"]
    assert len(found["traceback"]) < 15


def test_questions_are_answered_by_help(kernel):
    for cell in ("%%container?", "%container?", "%container --help"):
        messages = kernel.run(cell)
        assert kinds(messages) == ["stream"]
        assert "%container images" in text(messages)
    assert "--timeout TIME" in text(kernel.run("%container run?"))


def test_a_cell_without_a_script_is_an_error(kernel):
    assert "the cell body is empty" in text(kernel.run("%%container run bread:1"), "stderr")
    assert "the cell has no script" in error(kernel.run("%%container run bread:1\n# dockmagic: -q\n"))["evalue"]


def test_what_docker_shows_in_a_loop_is_shown_in_a_loop(kernel):
    messages = kernel.run(
        "for n in range(3):\n    get_ipython().run_cell_magic('container', f'run -q bread:1 {n}', 'echo $1')\n"
    )
    assert kinds(messages) == ["stream"]
    assert text(messages) == "0\n1\n2\n"


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("%%container ru", ["run"]),
        ("%%container run bread:", ["bread:1"]),
        ("%%container build\nFROM bre", ["bread:1"]),
        ("%%container build\nFROM bread:1 AS oven\nFROM bread:1\nCOPY --from=ov", ["oven"]),
        ("%%container build\nFROM bread:1\nRUN --mount=type=se", ["secret"]),
        ("%container rmi bread", ["bread:1"]),
    ],
)
def test_a_front_end_that_asks_for_completions_gets_them(kernel, cell, expected):
    reply = kernel.client.complete(cell, len(cell), reply=True, timeout=30)["content"]
    assert reply["matches"] == expected
    assert expected[0].startswith(cell[reply["cursor_start"] :])
    assert reply["cursor_end"] == len(cell)
