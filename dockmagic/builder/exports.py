"""Where a build's result and its cache go and come from: what ``-o``, ``--cache-to`` and ``--cache-from`` say. Pure.

The forms are those of ``docker buildx build``: one line of comma-separated ``key=value`` fields, quoted as CSV has it. What BuildKit
knows and is not done here is refused by its name.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

if TYPE_CHECKING:
    from dockmagic.store.archive_output import Writable

Kind = Literal["local", "tar", "oci", "docker", "image", "cacheonly"]
Mode = Literal["min", "max"]
Compression = Literal["", "uncompressed", "gzip", "zstd"]

STREAM = "-"
_LATER = "it is not available yet"
_PACKING = frozenset({"compression", "compression-level", "force-compression", "oci-mediatypes"})
# What zlib and zstd know; docs.docker.com/build/exporters/image-registry.
_LEVELS: Mapping[str, range] = {"gzip": range(10), "zstd": range(23)}
# What each kind takes, and what BuildKit takes besides with the reason why it is refused.
_KEYS: Mapping[str, frozenset[str]] = {
    "local": frozenset({"dest", "platform-split"}),
    "tar": frozenset({"dest"}),
    "oci": frozenset({"dest", "name", "tar", "rewrite-timestamp"}) | _PACKING,
    "docker": frozenset({"dest", "name", "tar", "rewrite-timestamp"}) | _PACKING,
    "image": frozenset({"name", "push", "push-by-digest", "name-canonical", "rewrite-timestamp"}) | _PACKING,
    "registry": frozenset({"name", "push", "push-by-digest", "name-canonical", "rewrite-timestamp"}) | _PACKING,
    "cacheonly": frozenset(),
}
_REFUSED: Mapping[str, str] = {
    "registry.insecure": "registries.toml says which registry is asked without TLS",
    "dangling-name-prefix": _LATER,
    "unpack": "every image of the store is unpacked",
    "store": "every image is kept in the store",
    "context": "there is no other docker to load it",
    "attestation-prefix": "no attestations are made",
}
# Of a key that is taken, the one value that is honoured.
_FIXED: Mapping[str, tuple[str, str]] = {
    "rewrite-timestamp": ("false", "layers that were made here have that time already; a base image keeps its own"),
}
_STORES: Mapping[str, str] = {
    "registry": "give a directory: type=local; %container pull fetches an image that a build can start from",
    "inline": "give a directory: type=local",
    "gha": "give a directory, type=local, which the workflow's own cache action keeps",
    "s3": "give a directory: type=local",
    "azblob": "give a directory: type=local",
}
_WORDS = frozenset({"type", "src", "ref", "mode", *(key for keys in _KEYS.values() for key in keys)})
_TRUE, _FALSE = frozenset({"1", "t", "true"}), frozenset({"0", "f", "false"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """How an image's layers go out.

    Attributes:
        compression: of the layers that were made here; "" for the output's own way: gzip to a registry, none to a file.
        level: of gzip 0 to 9, of zstd 0 to 22; None for the usual one.
        force: layers that came from elsewhere get it too; else they go as they came.
        oci: manifests have OCI's media types, else Docker's.
    """

    compression: Compression = ""
    level: int | None = None
    force: bool = False
    oci: bool = True


PLAIN = Packing()


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One ``-o``.

    Attributes:
        kind: BuildKit's exporter; ``"docker"`` without a destination and ``"image"`` are the store itself.
        dest: a path, :data:`STREAM` for standard output, "" for the store.
        names: that the image bears there, in place of the build's own.
        tar: of ``"oci"``: one file, in place of a directory.
        split: of ``"local"``: a platform gets a directory of its own; None for several of them alone.
        stream: a binary stream in place of :data:`STREAM`; None where there is none.
        push: of ``"image"``: it goes to the registries that its names say.
        by_digest: it goes there without a tag; its names are repositories, and none of them is given in the store.
        canonical: the image gets each name with its digest too.
        packing: how its layers go out.
    """

    kind: Kind
    dest: str = ""
    names: tuple[str, ...] = ()
    tar: bool = True
    split: bool | None = None
    stream: Writable | None = None
    push: bool = False
    by_digest: bool = False
    canonical: bool = False
    packing: Packing = PLAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheTo:
    """One ``--cache-to type=local``.

    Attributes:
        dest: the directory.
        mode: ``"min"`` for the steps of the image alone, ``"max"`` for those of every stage that was built.
        tag: the entry of the directory's index that is replaced.
        compressed: layers are stored as gzip.
        ignore_error: a directory that cannot be written is a note, no error.
    """

    dest: Path
    mode: Mode = "min"
    tag: str = "latest"
    compressed: bool = True
    ignore_error: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheFrom:
    """One ``--cache-from type=local``.

    Attributes:
        src: the directory.
        tag: the entry of its index.
        digest: the manifest, "" for the one that ``tag`` names.
    """

    src: Path
    tag: str = "latest"
    digest: str = ""


def output(text: str) -> Output:
    """Read an ``-o``: ``type=KIND,…``, or a directory alone, or ``-`` for a tar to standard output.

    Raises:
        ValueError: it says what is not done; the text ends the sentence ``invalid argument "…": …``.
    """
    alone = _alone(text)
    if alone is not None:
        return Output(kind="tar", dest=STREAM) if alone == STREAM else Output(kind="local", dest=alone)
    return output_of(_fields(text))


def output_of(fields: Mapping[str, str]) -> Output:
    """As :func:`output`, of fields that are taken apart already.

    Raises:
        ValueError: as there.
    """
    kind = fields.get("type", "")
    if kind not in _KEYS:
        raise ValueError(f"type is one of {', '.join(_KEYS)}")
    _require_known(kind, fields)
    dest, tar = fields.get("dest", ""), _truth("tar", fields.get("tar", "true"))
    if kind == "docker" and not tar:
        raise ValueError("tar=false is for type=oci")
    if kind == "local" and not dest:
        raise ValueError("dest=DIRECTORY is missing")
    if kind in {"tar", "oci"} and not dest:
        dest = STREAM
    if dest == STREAM and (kind == "local" or not tar):
        raise ValueError("a directory cannot be written to standard output")
    names = tuple(name.strip() for name in fields.get("name", "").split(",") if name.strip())
    split = _truth("platform-split", fields["platform-split"]) if "platform-split" in fields else None
    push = _truth("push", fields.get("push", "true" if kind == "registry" else "false"))
    kind = "image" if kind == "registry" else kind
    return Output(
        kind=cast("Kind", kind),
        dest=dest,
        names=names,
        tar=tar,
        split=split,
        push=push,
        by_digest=_truth("push-by-digest", fields.get("push-by-digest", "false")),
        canonical=_truth("name-canonical", fields.get("name-canonical", "false")),
        packing=_packing(fields),
    )


def _packing(fields: Mapping[str, str]) -> Packing:
    compression = fields.get("compression", "").lower()
    if compression not in {"", "uncompressed", "gzip", "zstd"}:
        raise ValueError(f"compression={compression} is not available; uncompressed, gzip or zstd")
    oci = _truth("oci-mediatypes", fields.get("oci-mediatypes", "true"))
    if compression == "zstd" and not oci:
        raise ValueError("compression=zstd has no media type of Docker's: leave oci-mediatypes=false out")
    return Packing(
        compression=cast("Compression", compression),
        level=_level(compression, fields["compression-level"]) if "compression-level" in fields else None,
        force=_truth("force-compression", fields.get("force-compression", "false")),
        oci=oci,
    )


def _level(compression: str, text: str) -> int:
    known = _LEVELS.get(compression)
    if known is None:
        raise ValueError("compression-level is of compression=gzip or zstd")
    if not text.isascii() or not text.isdigit() or int(text) not in known:
        raise ValueError(f"compression-level={text} is none of {compression}'s: 0 to {known[-1]}")
    return int(text)


def pushed(outputs: Sequence[Output]) -> tuple[Output, ...]:
    """As buildx takes ``--push``: the image outputs are pushed; where there is none, one is added."""
    if any(output.kind == "image" for output in outputs):
        return tuple(replace(output, push=output.kind == "image") for output in outputs)
    return (*outputs, Output(kind="image", push=True))


def cache_to(text: str) -> CacheTo:
    """Read a ``--cache-to``.

    Raises:
        ValueError: as :func:`output`.
    """
    return cache_to_of(_cache_fields(text))


def cache_to_of(fields: Mapping[str, str]) -> CacheTo:
    """As :func:`cache_to`, of fields that are taken apart already.

    Raises:
        ValueError: as :func:`output`.
    """
    _require_local(fields, {"dest", "mode", "tag", "compression", "ignore-error", "oci-mediatypes", "image-manifest"})
    if not fields.get("dest"):
        raise ValueError("dest=DIRECTORY is missing")
    mode = fields.get("mode", "min")
    if mode not in {"min", "max"}:
        raise ValueError(f"mode={mode} is neither min nor max")
    compression = fields.get("compression", "gzip")
    if compression not in {"gzip", "uncompressed"}:
        raise ValueError(f"compression={compression} is not available; gzip or uncompressed")
    for key in ("oci-mediatypes", "image-manifest"):
        if not _truth(key, fields.get(key, "true")):
            raise ValueError(f"{key}=false is not available: an OCI image manifest is written")
    return CacheTo(
        dest=Path(fields["dest"]),
        mode=cast("Mode", mode),
        tag=fields.get("tag") or "latest",
        compressed=compression == "gzip",
        ignore_error=_truth("ignore-error", fields.get("ignore-error", "false")),
    )


def cache_from(text: str) -> CacheFrom:
    """Read a ``--cache-from``.

    Raises:
        ValueError: as :func:`output`.
    """
    return cache_from_of(_cache_fields(text))


def cache_from_of(fields: Mapping[str, str]) -> CacheFrom:
    """As :func:`cache_from`, of fields that are taken apart already.

    Raises:
        ValueError: as :func:`output`.
    """
    _require_local(fields, {"src", "tag", "digest"})
    if not fields.get("src"):
        raise ValueError("src=DIRECTORY is missing")
    return CacheFrom(src=Path(fields["src"]), tag=fields.get("tag") or "latest", digest=fields.get("digest", ""))


def _alone(text: str) -> str | None:
    """A value without keys: buildx's short form. One that begins like a key is none, for ``dest=out`` alone means no such directory."""
    row = _row(text)
    return row[0] if len(row) == 1 and row[0] == text and text.partition("=")[0] not in _WORDS else None


def _fields(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for field in _row(text):
        key, equals, value = field.partition("=")
        if not equals:
            raise ValueError(f"{field!r} is no key=value")
        found[key.strip().lower()] = value
    return found


def _row(text: str) -> list[str]:
    try:
        rows = list(csv.reader([text], strict=True))
    except csv.Error as error:
        raise ValueError(str(error)) from None
    if len(rows) != 1 or not rows[0]:
        raise ValueError("it is empty" if not text else "it is no single line")
    return rows[0]


def _cache_fields(text: str) -> dict[str, str]:
    if _alone(text) is not None:  # docker's short form for an image in a registry
        return {"type": "registry", "ref": text}
    return _fields(text)


def _require_known(kind: str, fields: Mapping[str, str]) -> None:
    for key in fields.keys() - _KEYS[kind] - {"type"}:
        if key.startswith("annotation"):
            raise ValueError(f"{key} is not available: LABEL or --label describes an image")
        if key in _REFUSED:
            raise ValueError(f"{key} is not available: {_REFUSED[key]}")
        raise ValueError(f"type={kind} has no {key}; it takes {', '.join(sorted(_KEYS[kind])) or 'nothing'}")
    for key in fields.keys() & _FIXED.keys():
        allowed, reason = _FIXED[key]
        if fields[key].lower() != allowed:
            raise ValueError(f"{key}={fields[key]} is not available: {reason}")


def _require_local(fields: Mapping[str, str], known: set[str]) -> None:
    kind = fields.get("type", "")
    if kind in _STORES:
        raise ValueError(f"a cache of type={kind} is not available: {_STORES[kind]}")
    if kind != "local":
        raise ValueError("type=local is missing" if not kind else f"type={kind} is not known: type=local")
    for key in sorted(fields.keys() - known - {"type"}):
        raise ValueError(f"type=local has no {key}; it takes {', '.join(sorted(known))}")


def _truth(key: str, text: str) -> bool:
    if text.lower() in _TRUE | _FALSE:
        return text.lower() in _TRUE
    raise ValueError(f"{key}={text} is neither true nor false")
