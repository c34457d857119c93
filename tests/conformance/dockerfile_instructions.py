"""Instructions as typed values: fields, errors, flags, ports. Plans and builds are not judged here yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from dockmagic.dockerfile import instructions
from dockmagic.dockerfile.instructions.flags import Flags, Kind, parse_flags
from dockmagic.dockerfile.location import reason_of
from dockmagic.dockerfile.parser import parse
from dockmagic.dockerfile.stages import parse_stages
from dockmagic.errors import DockerfileError
from tests.conformance.verdict import NotJudgedError, Row, different, error_mismatch


def judge(row: Row) -> str | None:
    given, expected = row["input"], row["expected"]
    operation = OPERATIONS.get(given["op"])
    if operation is None:
        raise NotJudgedError(f"op {given['op']}")
    try:
        reason = operation(given, expected)
    except DockerfileError as error:
        return None if expected.get("no_crash") else error_mismatch(expected, reason_of(error))
    wants_error = expected.get("error") or expected.get("error_contains")
    return error_mismatch(expected, None) if wants_error else reason


def _parse(given: Row, expected: Row) -> str | None:
    parse_stages(given["dockerfile"])
    unknown = set(expected) - {"no_crash", "ok", "error", "error_contains"}
    if unknown:
        raise NotJudgedError(f"expectations {sorted(unknown)}")
    return None


def _parse_instruction(given: Row, expected: Row) -> str | None:
    instruction = instructions.parse_instruction(parse(given["dockerfile"]).nodes[0])
    got = _plain(instruction)
    wanted = {name: value for name, value in expected.items() if name not in {"error", "error_contains", "ok"}}
    unknown = sorted(set(wanted) - set(got))
    if unknown:
        raise NotJudgedError(f"fields {unknown}")
    return different("instruction", wanted, {name: got[name] for name in wanted})


def _plain(instruction: instructions.Instruction) -> dict[str, Any]:
    """The instruction's fields, and those again under BuildKit's names for them."""
    got = {field.name: _jsonable(getattr(instruction, field.name)) for field in fields(instruction)}
    match instruction:
        case instructions.Copy() | instructions.Add():
            inline = [{"path": each.path, "data": each.data, "expand": each.expand} for each in instruction.inline]
            got |= {"dest": instruction.destination, "inline": inline}
        case instructions.Run():
            files = [{"name": each.name, "data": each.content, "chomp": each.chomp} for each in instruction.heredocs]
            shell = instruction.shell_form
            got |= {"flags_used": list(instruction.flags_used), "files": files, "cmdline": got["command"]}
            got |= {"prepend_shell": shell, "shell": shell}
    return got


def _jsonable(value: Any) -> Any:
    return [_jsonable(each) for each in value] if isinstance(value, tuple) else value


def _parse_expose(given: Row, expected: Row) -> str | None:
    return different("ports", expected.get("ports"), list(instructions.exposed_ports(given["specs"])))


KINDS = {"bool": Kind.SWITCH, "string": Kind.TEXT, "strings": Kind.TEXTS, "stringlist": Kind.TEXTS}


def _instruction_flags(given: Row, expected: Row) -> str | None:
    """Flags of made-up instructions: the row says which there are."""
    declared = next((given[name] for name in ("flags", "declared", "defs", "define") if name in given), {})
    items = declared.items() if isinstance(declared, dict) else ((each["name"], each["type"]) for each in declared)
    flags = parse_flags(given["args"], {name: KINDS[str(kind).lower()] for name, kind in items})
    wanted = expected.get("values")
    if wanted is None:
        return None
    return different("flags", wanted, {name: _flag(flags, name, value) for name, value in wanted.items()})


def _flag(flags: Flags, name: str, like: Any) -> Any:
    """The flag's value in the type of ``like``."""
    if isinstance(like, bool):
        return bool(flags.switch(name))
    if isinstance(like, list):
        return list(flags.texts(name))
    return flags.text(name, like if name not in flags.values else "")


OPERATIONS: dict[str, Callable[[Row, Row], str | None]] = {
    "instruction_flags": _instruction_flags,
    "parse": _parse,
    "parse_expose": _parse_expose,
    "parse_instruction": _parse_instruction,
}
