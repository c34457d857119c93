from __future__ import annotations

import pytest

from dockmagic.oci.platform import architecture


@pytest.mark.parametrize(
    ("machine", "expected"),
    [("x86_64", "amd64"), ("aarch64", "arm64"), ("armv7l", "arm"), ("i686", "386"), ("riscv64", "riscv64")],
)
def test_a_machine_has_gos_name(machine, expected):
    assert architecture(machine) == expected


def test_an_unknown_machine_keeps_its_name():
    assert architecture("loongarch64") == "loongarch64"
