"""Platforms as ``--platform`` takes them."""

from __future__ import annotations

import pytest

from dockmagic.dockerfile.lint.platforms import parse_platform


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("linux/amd64", ("linux", "amd64")),
        ("linux/arm/v7", ("linux", "arm")),
        ("Linux/x86_64", ("linux", "amd64")),
        ("linux", ("linux", "riscv64")),
        ("macos", ("darwin", "riscv64")),
        ("aarch64", ("linux", "arm64")),
        ("armhf", ("linux", "arm")),
        ("", None),
        ("linux/", None),
        ("linux/a/b/c", None),
        ("nonsense", None),
        ("linux/am*", None),
    ],
)
def test_a_platform_is_system_and_architecture(text, parsed):
    assert parse_platform(text, "linux/riscv64") == parsed
