from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from dockmagic.sandbox import pump as pumping
from dockmagic.sandbox.pump import Capture, pump


class Child:
    """A real process with the pump's protocol: its end is seen on a pidfd."""

    def __init__(self, script: str):
        out, err = os.pipe(), os.pipe()
        self.popen = subprocess.Popen([sys.executable, "-u", "-c", script], stdout=out[1], stderr=err[1])
        os.close(out[1])
        os.close(err[1])
        self.pipes = {out[0]: "stdout", err[0]: "stderr"}
        self.pidfd = os.pidfd_open(self.popen.pid)
        self.interrupts = 0

    def fileno(self):
        return self.pidfd

    def interrupt(self):
        self.interrupts += 1
        self.popen.kill()

    def kill(self):
        self.popen.kill()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.popen.wait()
        os.close(self.pidfd)


def test_streams_are_kept_apart_and_together():
    capture = Capture(io.BytesIO())
    with Child("import sys; print('a'); print('b', file=sys.stderr)") as child:
        pump(child, child.pipes, capture)
    assert (capture.text("stdout"), capture.text("stderr")) == ("a\n", "b\n")
    assert sorted(capture.text("output")) == sorted("a\nb\n")


def test_chunks_reach_the_listener_while_the_process_works(tmp_path):
    """It goes on only when the listener has answered."""
    answer = tmp_path / "answer"
    script = f"""
import os, time
os.write(1, b"asked ")
while not os.path.exists({str(answer)!r}): time.sleep(0.01)
os.write(1, b"answered")
"""
    heard = []

    def listen(_, data):
        heard.append(data)
        answer.touch()

    with Child(script) as child:
        ending = pump(child, child.pipes, Capture(io.BytesIO(), listen), timeout=60)
    assert not ending.timed_out
    assert b"".join(heard) == b"asked answered"


def test_a_timeout_kills_and_says_so():
    with Child("import time; time.sleep(60)") as child:
        ending = pump(child, child.pipes, Capture(io.BytesIO()), timeout=0.2)
    assert ending.timed_out
    assert not ending.interrupted


def test_an_interrupt_is_passed_on_and_the_rest_still_read():
    def listener(stream, data):
        raise KeyboardInterrupt

    with Child("import os, time; os.write(1, b'x'); time.sleep(6000)") as child:
        ending = pump(child, child.pipes, Capture(io.BytesIO(), listener))
        assert child.interrupts == 1
    assert ending.interrupted


def test_a_failing_listener_kills_the_process():
    def listener(stream, data):
        raise ValueError("front end gone")

    with Child("import time; print('x'); time.sleep(60)") as child, pytest.raises(ValueError, match="gone"):
        pump(child, child.pipes, Capture(io.BytesIO(), listener))


def test_what_was_printed_before_the_end_is_read_however_long_it_takes(monkeypatch):
    monkeypatch.setattr(pumping, "_DRAIN_SECONDS", -1.0)  # as when a listener or the machine takes longer
    monkeypatch.setattr(pumping, "_CHUNK", 10)
    capture = Capture(io.BytesIO())
    with Child("import os; os.write(1, b'a' * 1000); os.write(2, b'b' * 1000)") as child:
        child.popen.wait()
        pump(child, child.pipes, capture)
    assert (len(capture.stdout), len(capture.stderr)) == (1000, 1000)


def test_a_child_that_goes_on_printing_holds_nobody(monkeypatch):
    monkeypatch.setattr(pumping, "_DRAIN_SECONDS", 0.0)
    capture = Capture(io.BytesIO())
    with Child("import os, subprocess; os.write(1, b'last words'); subprocess.Popen(['yes'])") as child:
        pump(child, child.pipes, capture)
    assert capture.text("stdout").startswith("last words")


def test_output_is_cut_for_everyone_and_the_process_goes_on():
    log = io.BytesIO()
    heard = []
    capture = Capture(log, lambda _, data: heard.append(data), 1000)
    with Child("print('x' * 100000); import sys; print('y' * 100, file=sys.stderr)") as child:
        pump(child, child.pipes, capture)
        assert child.popen.wait() == 0
    mark = "\n[output cut after 1,000 bytes: --output-limit]\n"
    assert log.getvalue().decode() == b"".join(heard).decode() == capture.text("output")
    assert capture.text("output").endswith(mark)
    assert len(capture.text("output")) == 1000 + len(mark)
    assert capture.printed == 100_102


def test_output_that_just_fits_is_not_cut():
    capture = Capture(io.BytesIO(), None, 6)
    with Child("import os; os.write(1, b'abc'); os.write(1, b'def')") as child:
        pump(child, child.pipes, capture)
    assert capture.text("stdout") == "abcdef"
