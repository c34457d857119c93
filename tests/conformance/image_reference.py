"""Names of images: the strict grammar, and docker's reading of short ones."""

from __future__ import annotations

from dockmagic.engine import filters
from dockmagic.errors import DockmagicError
from dockmagic.oci import reference
from tests.conformance.verdict import NotJudgedError, Row, different


def judge(row: Row) -> str | None:
    given, expected = row["input"], row["expected"]
    operation = OPERATIONS.get(given["op"])
    if operation is None:
        raise NotJudgedError(f"op {given['op']}")
    try:
        return operation(given, expected)
    except DockmagicError as error:
        return None if expected.get("error") or expected.get("ok") is False else f"refused: {error.message}"


def _parse(given: Row, expected: Row) -> str | None:
    got = reference.parse(given["ref"])
    found = {"name": got.name, "domain": got.domain, "tag": got.tag or None, "digest": got.digest or None}
    return _compare(found, expected)


def _normalized(given: Row, expected: Row) -> str | None:
    got = reference.parse_normalized(given["ref"])
    bare = reference.Reference(domain=got.domain, path=got.path, tag=got.tag, digest=got.digest)
    found = {
        "ok": True,
        "domain": got.domain,
        "path": got.path,
        "full": str(bare),
        "full_name": got.name,
        "familiar": got.familiar_name,
        "name": got.name,
        "tag": got.tag or None,
        "digest": got.digest or None,
    }
    return _compare(found, expected)


def _canonical(given: Row, expected: Row) -> str | None:
    got = reference.parse_normalized(given["ref"])
    if str(got) != given["ref"]:
        return None if expected.get("error") else "not canonical"
    return _compare({"domain": got.domain, "path": got.path}, expected)


def _format(given: Row, expected: Row) -> str | None:
    base = reference.parse(given["name"])
    got = reference.Reference(
        domain=base.domain, path=base.path, tag=given.get("tag") or base.tag, digest=given.get("digest") or base.digest
    )
    reference.parse(got.name + f":{got.tag}" * bool(got.tag))
    return _compare({"string": str(got)}, expected)


def _domain(given: Row, expected: Row) -> str | None:
    matched = reference.DOMAIN.fullmatch(given["text"]) is not None
    return different("match", expected["match"], matched)


def _familiar_match(given: Row, expected: Row) -> str | None:
    matched = filters.is_named(given["pattern"], given["ref"])
    return f"accepted: {matched}" if expected.get("error") else different("match", expected["match"], matched)


def _compare(found: Row, expected: Row) -> str | None:
    if expected.get("error") or expected.get("ok") is False:
        return f"accepted: {found}"
    known = {key: value for key, value in expected.items() if key in found}
    return different("reference", known, {key: found[key] for key in known})


OPERATIONS = {
    "parse": _parse,
    "parse_normalized": _normalized,
    "parse_canonical_named": _canonical,
    "format": _format,
    "domain_regexp": _domain,
    "familiar_match": _familiar_match,
}
