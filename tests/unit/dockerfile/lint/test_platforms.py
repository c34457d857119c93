"""Platforms as ``--platform`` takes them."""

from __future__ import annotations

import pytest

from dockmagic.dockerfile.lint.platforms import format_platform, parse_platform


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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/6", "linux/arm/v6"),
        ("armel", "linux/arm/v6"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/x86_64/v1", "linux/amd64"),
        ("linux/amd64/v3", "linux/amd64/v3"),
        ("windows", "windows/amd64"),
        ("nonsense", ""),
    ],
)
def test_a_platform_is_shown_with_the_variant_that_is_not_the_usual_one(text, shown):
    assert format_platform(text, "linux/amd64") == shown
