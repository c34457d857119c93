"""Whole Dockerfiles against the dump of BuildKit's tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockmagic.dockerfile.location import reason_of
from dockmagic.dockerfile.parser import Node, dump, parse
from dockmagic.errors import DockerfileError
from tests.conformance.verdict import Row, different, error_mismatch

if TYPE_CHECKING:
    from dockmagic.dockerfile.parser import Dockerfile


def judge(row: Row) -> str | None:
    expected = row["expected"]
    try:
        dockerfile = parse(row["input"]["dockerfile"])
    except DockerfileError as error:
        return error_mismatch(expected, reason_of(error))
    if expected.get("error") or expected.get("error_contains"):
        return "no error"
    return _tree(dockerfile, expected)


def _tree(dockerfile: Dockerfile, expected: Row) -> str | None:
    if "ast" in expected:
        got = [_plain(node) for node in dockerfile.nodes]
        if got != expected["ast"]:
            return different("tree", expected["ast"], got)
    if "ast_dump" in expected:
        return different("dump", expected["ast_dump"], dump(dockerfile))
    return None


def _plain(node: Node) -> Row:
    args = [_plain(node.trigger)] if node.trigger else list(node.args)
    return {"cmd": node.name.lower(), "flags": list(node.flags), "args": args}
