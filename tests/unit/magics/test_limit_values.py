from __future__ import annotations

import pytest

from dockmagic.magics import limit_values


@pytest.mark.parametrize(
    ("text", "count"),
    [("10", 10), ("1k", 1024), ("256m", 256 << 20), ("256MB", 256 << 20), ("1.5g", 3 << 29), ("1 GiB", 1 << 30), ("8b", 8)],
)  # fmt: skip
def test_sizes_are_dockers(text, count):
    assert limit_values.size(text) == count


@pytest.mark.parametrize("text", ["", "m", "-1", "1x", "0", "0m", "1e9", "9" * 50, "٣m"])
def test_what_is_no_size(text):
    with pytest.raises(ValueError, match=r"size|more than nothing"):
        limit_values.size(text)


def test_the_least_memory_is_dockers():
    assert limit_values.memory("6m") == 6 << 20
    with pytest.raises(ValueError, match="6m"):
        limit_values.memory("5m")


def test_processors_and_processes():
    assert limit_values.cpus("1.5") == 1.5
    assert limit_values.cpus(".5") == 0.5
    assert limit_values.pids("100") == 100
    assert limit_values.pids("-1") == 0
    for read, text in ((limit_values.cpus, "0"), (limit_values.cpus, "-1"), (limit_values.pids, "many")):
        with pytest.raises(ValueError, match=r"least|number"):
            read(text)


def test_ulimits():
    assert limit_values.ulimit("nofile=100:200") == ("nofile", 100, 200)
    assert limit_values.ulimit("core=-1") == ("core", -1, -1)
    assert limit_values.ulimit("core=0:unlimited") == ("core", 0, -1)
    for text in ("nofile", "nofile=", "nofile=2:1", "nofile=-1:5", "open=1", "nofile=1:2:3"):
        with pytest.raises(ValueError, match=r"none of|SOFT|above"):
            limit_values.ulimit(text)
