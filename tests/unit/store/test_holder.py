from __future__ import annotations

import os
import subprocess
import time

import pytest

from dockmagic.store import holder
from dockmagic.store.holder import Holder


@pytest.fixture
def sleeper():
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


def test_a_token_says_everything_about_its_holder():
    here = holder.of(os.getpid())
    assert Holder.parse(here.token()) == here
    assert Holder.parse(f"{here.token()}-whatever.follows") == here


@pytest.mark.parametrize("text", ["", "12", "a-b-c-d-e", "../../etc/passwd", "1-2-xyz-00000000-3"])
def test_what_is_no_token_has_no_holder(text):
    assert Holder.parse(text) is None


def test_a_living_process_lives():
    assert holder.of(os.getpid()).lives() is True


def test_a_process_that_has_ended_does_not_live_even_before_it_is_reaped(sleeper):
    found = holder.of(sleeper.pid)
    assert found.lives() is True
    sleeper.kill()
    for _ in range(100):
        if not found.lives():
            break
        time.sleep(0.01)
    assert found.lives() is False
    sleeper.wait()
    assert found.lives() is False


def test_a_pid_that_was_given_away_again_is_another_process(sleeper):
    found = holder.of(sleeper.pid)
    other = Holder(pid=found.pid, birth=found.birth - 1, host=found.host, boot=found.boot, namespace=found.namespace)
    assert other.lives() is False


def test_before_a_reboot_nothing_lives():
    here = holder.of(os.getpid())
    then = Holder(pid=here.pid, birth=here.birth, host=here.host, boot="00000000", namespace=here.namespace)
    assert then.lives() is False


def test_what_another_machine_runs_cannot_be_known():
    here = holder.of(os.getpid())
    there = Holder(pid=here.pid, birth=here.birth, host="00000000", boot="00000000", namespace=here.namespace)
    assert there.lives() is None


def test_what_another_pid_namespace_runs_cannot_be_known():
    here = holder.of(os.getpid())
    inside = Holder(pid=1, birth=here.birth, host=here.host, boot=here.boot, namespace=here.namespace + 1)
    assert inside.lives() is None


def test_no_process_has_no_birth():
    assert holder.birth_of(2**22 + 1) == 0
