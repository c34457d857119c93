"""Filters from files in docker's format (``--security-opt seccomp=FILE``), to be loaded beside our own.

Of two filters the kernel takes the sterner answer, so such a file can only take calls away: nothing that our own filter refuses comes
back. Docker's reference: https://docs.docker.com/engine/security/seccomp/; the actions: seccomp(2).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from dockmagic.errors import UsageError
from dockmagic.sandbox import bpf, syscall_table

_ACTIONS = {
    "SCMP_ACT_ALLOW": bpf.ALLOW,
    "SCMP_ACT_KILL": bpf.KILL_THREAD,
    "SCMP_ACT_KILL_PROCESS": bpf.KILL_PROCESS,
    "SCMP_ACT_KILL_THREAD": bpf.KILL_THREAD,
    "SCMP_ACT_LOG": bpf.LOG,
    "SCMP_ACT_TRAP": bpf.TRAP,
}
_COMPARISONS = {
    "SCMP_CMP_EQ": bpf.equals,
    "SCMP_CMP_NE": bpf.differs,
    "SCMP_CMP_LT": bpf.below,
    "SCMP_CMP_LE": bpf.at_most,
    "SCMP_CMP_GE": bpf.at_least,
    "SCMP_CMP_GT": bpf.above,
}
_MASKED = "SCMP_CMP_MASKED_EQ"
_ERRNO = "SCMP_ACT_ERRNO"
_EPERM, _MOST_ERRNO = 1, 4095
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_MOST_ARGUMENTS = 6
_LARGEST = 2**64 - 1

Rule = tuple[bpf.Code, tuple[Mapping[str, Any], ...]]


def compiled(text: str, *, machine: str, release: str, capabilities: Collection[str]) -> bytes:
    """The program of a profile.

    Args:
        text: of the file.
        machine: ``os.uname().machine``.
        release: ``os.uname().release``, for ``minKernel``.
        capabilities: that the container keeps, without ``CAP_``.

    Raises:
        UsageError: it is no profile, or asks for what a filter here cannot do; the text says what.
    """
    try:
        profile = json.loads(text)
        default = _action(profile["defaultAction"], profile.get("defaultErrnoRet"))
        rules = _rules(profile, default, machine=machine, release=release, capabilities=capabilities)
        pieces = {number: _piece(found, default) for number, found in rules.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(
            f"it is no seccomp profile: {error}", hint="docker's format is JSON with defaultAction and syscalls"
        ) from None  # fmt: skip
    try:
        return bpf.pack(
            bpf.only_native(syscall_table.audit_arch(machine), bpf.by_number(pieces, default), bpf.end(bpf.ALLOW))
        )
    except ValueError as error:
        raise UsageError(f"the seccomp profile cannot be loaded: {error}") from None


def _rules(
    profile: Mapping[str, Any], default: bpf.Code, *, machine: str, release: str, capabilities: Collection[str]
) -> dict[int, list[Rule]]:
    """The rules of each call's number, in the file's order."""
    numbers = syscall_table.numbers(machine)
    found: dict[int, list[Rule]] = {}
    for entry in profile.get("syscalls") or ():
        if not _applies(entry, machine=machine, release=release, capabilities=capabilities):
            continue
        action = _action(entry["action"], entry.get("errnoRet"))
        if action == default:
            continue
        names = [*(entry.get("names") or ()), *([entry["name"]] if "name" in entry else [])]
        if not all(isinstance(name, str) for name in names) or isinstance(entry.get("names"), str):
            raise ValueError("names are no list of names")
        for name in names:
            if name in numbers:
                found.setdefault(numbers[name], []).extend((action, group) for group in _groups(entry.get("args")))
    return found


def _groups(arguments: Any) -> list[tuple[Mapping[str, Any], ...]]:
    """Conditions that hold together; several on one argument are alternatives, as docker's runtime has them."""
    given = tuple(arguments or ())
    for argument in given:
        if not 0 <= argument["index"] < _MOST_ARGUMENTS:
            raise ValueError(f"an argument {argument['index']}")
    if len({argument["index"] for argument in given}) < len(given):
        return [(argument,) for argument in given]
    return [given]


def _applies(entry: Mapping[str, Any], *, machine: str, release: str, capabilities: Collection[str]) -> bool:
    includes, excludes = entry.get("includes") or {}, entry.get("excludes") or {}
    architecture = _ARCHITECTURES[machine]
    kept = {f"CAP_{name}" for name in capabilities}
    if any(name not in kept for name in includes.get("caps") or ()):
        return False
    if any(name in kept for name in excludes.get("caps") or ()):
        return False
    if includes.get("arches") and architecture not in includes["arches"]:
        return False
    if architecture in (excludes.get("arches") or ()):
        return False
    least, most = includes.get("minKernel"), excludes.get("minKernel")
    if least and _version(release) < _version(least):
        return False
    return not (most and _version(release) >= _version(most))


def _version(text: str) -> tuple[int, int]:
    found = re.match(r"(\d+)\.(\d+)", text)
    if not found:
        raise ValueError(f"a kernel {text}")
    return int(found[1]), int(found[2])


def _action(name: str, errno: int | None) -> bpf.Code:
    if name == _ERRNO:
        number = _EPERM if errno is None else errno
        if not 0 <= number <= _MOST_ERRNO:
            raise ValueError(f"an errno {number}")
        return bpf.end(bpf.fail(number))
    if name not in _ACTIONS:
        raise ValueError(f"the action {name}")
    return bpf.end(_ACTIONS[name])


def _piece(rules: list[Rule], default: bpf.Code) -> bpf.Code:
    """The first rule whose conditions hold decides."""
    return bpf.first_of([(_tests(conditions), action) for action, conditions in rules], default)


def _tests(conditions: tuple[Mapping[str, Any], ...]) -> list[bpf.Test]:
    return [_test(condition) for condition in conditions]


def _test(condition: Mapping[str, Any]) -> bpf.Test:
    index, value, second = condition["index"], condition["value"], condition.get("valueTwo", 0)
    if not all(isinstance(number, int) and 0 <= number <= _LARGEST for number in (value, second)):
        raise ValueError(f"a value {value}")
    operation = condition["op"]
    if operation == _MASKED:
        return bpf.masked(index, value, second)
    if operation not in _COMPARISONS:
        raise ValueError(f"the comparison {operation}")
    return _COMPARISONS[operation](index, value)
