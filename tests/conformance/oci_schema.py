"""Documents of the OCI image specification: which are valid, by the parser that reads them from archives and registries."""

from __future__ import annotations

import json

from dockmagic.errors import ArchiveError
from dockmagic.oci import config, descriptor, manifest
from tests.conformance.verdict import NotJudgedError, Row, different

PARSERS = {
    "config-schema.json": config.parse,
    "content-descriptor.json": lambda document: descriptor.parse(json.loads(document)),
    "image-index-schema.json": manifest.parse,
    "image-layout-schema.json": manifest.require_layout,
    "image-manifest-schema.json": manifest.parse,
}


def judge(row: Row) -> str | None:
    given = row["input"]
    parse = PARSERS.get(given["schema"])
    if parse is None:
        raise NotJudgedError(f"schema {given['schema']}")
    try:
        parse(given["document"].encode())
        said = ""
    except (ArchiveError, ValueError) as error:
        said = str(error)
    return different(f"valid ({said})", row["expected"]["valid"], not said)
