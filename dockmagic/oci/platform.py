"""Platforms as Go names them."""

from __future__ import annotations

_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64", "armv7l": "arm",
                  "i686": "386", "riscv64": "riscv64", "ppc64le": "ppc64le", "s390x": "s390x"}  # fmt: skip


def architecture(machine: str) -> str:
    """Go's name of what ``uname -m`` prints: ``"x86_64"`` is ``"amd64"``."""
    return _ARCHITECTURES.get(machine, machine)
