from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from dockmagic.sandbox import identity


@pytest.fixture
def child():
    with subprocess.Popen(
        [sys.executable, "-c", "import signal; print(flush=True); signal.pause()"], stdout=subprocess.PIPE
    ) as found:
        found.stdout.readline()
        yield found
        found.kill()


def test_a_process_is_its_pid_and_its_birth(child):
    born = identity.birth(child.pid)
    pidfd = identity.open_process(child.pid, born)

    assert pidfd is not None
    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    child.wait()
    os.close(pidfd)
    assert identity.open_process(child.pid, born) is None


def test_another_process_with_the_same_pid_is_not_it(child):
    assert identity.open_process(child.pid, identity.birth(child.pid) + 1) is None


def test_a_signal_goes_to_those_that_belong_and_to_no_other(child):
    with subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]) as other:
        assert identity.send_to(signal.SIGKILL, lambda pid: pid == child.pid) == 1
        assert child.wait() == -signal.SIGKILL
        assert other.poll() is None
        other.kill()


def test_handlers_are_seen(child):
    assert identity.catches(child.pid, signal.SIGINT)  # Python's
    assert not identity.catches(child.pid, signal.SIGTERM)


def test_a_child_knows_its_parent_and_its_group(child):
    assert identity.parent(child.pid) == os.getpid()
    assert identity.in_group(os.getpgrp())(child.pid)
    assert not identity.in_group(child.pid)(child.pid)
    child.kill()
    child.wait()
    assert identity.parent(child.pid) == 0
