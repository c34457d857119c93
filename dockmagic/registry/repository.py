"""One repository of a registry: its manifests, blobs and tags."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from dockmagic.errors import ArchiveError, DeniedError, NotFoundError, RegistryError
from dockmagic.oci import descriptor as descriptors
from dockmagic.oci import digest as digests
from dockmagic.oci import manifest as manifests
from dockmagic.oci import mediatype
from dockmagic.oci.descriptor import Descriptor
from dockmagic.oci.manifest import MANIFEST_LIMIT, Index, Manifest
from dockmagic.registry import links, token
from dockmagic.registry.answer import printable
from dockmagic.registry.client import Call, Client
from dockmagic.registry.download import BlobStream, ForeignStream
from dockmagic.registry.endpoint import referrers_tag
from dockmagic.registry.transport import Answer
from dockmagic.registry.upload import Upload

_ACCEPTED_TYPES = (mediatype.MANIFEST, mediatype.INDEX, mediatype.DOCKER_MANIFEST, mediatype.DOCKER_LIST)
_ACCEPT = ", ".join(_ACCEPTED_TYPES)
_KNOWN = mediatype.MANIFESTS | mediatype.INDEXES
_OK, _CREATED, _ACCEPTED, _MISSING = 200, 201, 202, 404
_PAGE = 100
_MOST_PAGES = 1000
_LIST_LIMIT = 8 << 20
_ERROR_LIMIT = 1 << 16


def _nothing(_: int) -> None:
    """For who does not want to know how far it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A manifest or an index as it came.

    Attributes:
        content: its bytes.
        digest: of them.
        media_type: what it is.
        parsed: what it says.
    """

    content: bytes = field(repr=False)
    digest: str
    media_type: str
    parsed: Manifest | Index


class Repository:
    """A repository.

    Args:
        client: its registry.
        path: its name there.
        actions: what is going to be done: ``("pull",)`` or ``("pull", "push")``; a token allows no more.
        chunk: bytes that are uploaded in one request at most.
    """

    def __init__(self, client: Client, path: str, actions: Sequence[str] = ("pull",), *, chunk: int = 64 << 20) -> None:
        self.client = client
        self.path = path
        self._scopes = (token.scope(path, actions),)
        self._chunk = chunk

    @property
    def registry(self) -> str:
        """The registry's domain."""
        return self.client.endpoint.name

    def manifest(self, reference: str, *, what: str = "that image") -> Fetched:
        """The manifest or index of a tag or digest, verified.

        Args:
            reference: the tag or digest.
            what: for the error's text.

        Raises:
            NotFoundError: there is none.
            ArchiveError: what comes is no manifest, or not the one of that digest.
            RegistryError: it cannot be had.
        """
        call = Call(
            method="GET",
            url=self.client.endpoint.manifest(self.path, reference),
            headers={"Accept": _ACCEPT},
            scopes=self._scopes,
            limit=MANIFEST_LIMIT,
            what=what,
        )
        answer = self.client.send(call)
        promised = reference if digests.is_digest(reference) else ""
        return _fetched(answer, promised)

    def child(self, described: Descriptor) -> Fetched:
        """The manifest that an index names.

        Raises:
            ArchiveError: it is not what the index says.
        """
        if described.size > MANIFEST_LIMIT:
            raise ArchiveError("a manifest larger than 4 MiB")
        found = self.manifest(described.digest)
        if len(found.content) != described.size or found.media_type != described.media_type:
            raise ArchiveError("a manifest is not what its index says of it", detail=described.digest)
        return found

    def blob(self, described: Descriptor, limit: int) -> bytes:
        """A small blob whole, verified.

        Raises:
            ArchiveError: it is larger than ``limit`` bytes, or not what its descriptor says.
        """
        if described.size > limit:
            raise ArchiveError(f"a config larger than {limit >> 20} MiB")
        stream = self.stream(described)
        parts = []
        while data := stream.read(described.size + 1):
            parts.append(data)
        content = b"".join(parts)
        if digests.of(content) != described.digest:
            raise ArchiveError(
                f"content differs from its digest {described.digest}",
                hint="the registry has something else under it: tell who runs it",
            )
        return content

    def stream(self, described: Descriptor, told: Callable[[int], object] = _nothing) -> BlobStream | ForeignStream:
        """A blob as a stream, unverified; it goes on by itself where it breaks off.

        Args:
            described: what is wanted.
            told: gets the count of bytes so far.
        """
        url = self.client.endpoint.blob(self.path, digests.checked(described.digest))
        call = Call(method="GET", url=url, scopes=self._scopes, what="a blob of the image")
        kind = ForeignStream if described.urls else BlobStream
        return kind(self.client, call, described, told)

    def has_blob(self, digest: str) -> bool:
        """Whether the repository has a blob."""
        url = self.client.endpoint.blob(self.path, digest)
        call = Call(method="HEAD", url=url, scopes=self._scopes, limit=0)
        return self.client.send(call, (_OK, _MISSING)).status == _OK

    def push_blob(
        self,
        described: Descriptor,
        source: Callable[[], BinaryIO],
        *,
        mount_from: str = "",
        told: Callable[[int], object] = _nothing,
    ) -> bool:
        """Bring a blob into the repository; True when it had to be sent.

        Args:
            described: the blob.
            source: opens its bytes.
            mount_from: another repository of the same registry that may have it, "" for none.
            told: gets the count of bytes so far.

        Raises:
            RegistryError: it cannot be sent.
        """
        if self.has_blob(described.digest):
            return False
        upload = Upload(self.client, self._scopes, described, source, told, chunk=self._chunk)
        # A registry that does not mount opens an upload session in the same answer.
        if mount_from and self._is_mounted(upload, described.digest, mount_from):
            return False
        if not upload.is_begun:
            upload.begin(self.client.endpoint.uploads(self.path))
        upload.run()
        return True

    def _is_mounted(self, upload: Upload, digest: str, near: str) -> bool:
        scopes = (*self._scopes, token.scope(near, ("pull",)))
        try:
            return upload.begin(self.client.endpoint.uploads(self.path, mount=digest, source=near), scopes)
        except (DeniedError, NotFoundError):
            return False  # who may not read there sends the blob

    def push_manifest(self, reference: str, content: bytes, media_type: str) -> str:
        """Store a manifest under a tag or its digest, as it stands; what it refers to as ``subject`` is told too.

        Returns:
            Its digest.

        Raises:
            RegistryError: the registry does not take it.
        """
        digest = digests.of(content)
        answer = self._put(reference, content, media_type)
        said = answer.header("Docker-Content-Digest")
        if said and said != digest:
            raise RegistryError(
                "the registry has stored a manifest under another digest", detail=f"{said}, not {digest}"
            )
        subject = _subject(content)
        if subject is not None and answer.header("OCI-Subject") != subject.digest:
            self._refer(subject, content, media_type)
        return digest

    def _put(self, reference: str, content: bytes, media_type: str) -> Answer:
        call = Call(
            method="PUT",
            url=self.client.endpoint.manifest(self.path, reference),
            headers={"Content-Type": media_type},
            scopes=self._scopes,
            body=lambda: content,
            limit=_ERROR_LIMIT,
        )
        return self.client.send(call, (_CREATED, _OK, _ACCEPTED))

    def _refer(self, subject: Descriptor, content: bytes, media_type: str) -> None:
        """Note a referrer under the subject's tag; a registry without the referrers API leaves that to its clients."""
        tag = referrers_tag(subject.digest)
        try:
            known = self.manifest(tag).parsed
            listed = list(known.manifests) if isinstance(known, Index) else []
        except NotFoundError:
            listed = []
        digest = digests.of(content)
        if any(described.digest == digest for described in listed):
            return
        said = json.loads(content)
        entry: dict[str, Any] = {"mediaType": media_type, "digest": digest, "size": len(content)}
        kind = said.get("artifactType") or (said.get("config") or {}).get("mediaType")
        entry |= {"artifactType": kind} if kind else {}
        entry |= {"annotations": said["annotations"]} if said.get("annotations") else {}
        rows = [*(described.to_dict() for described in listed), entry]
        index = {"schemaVersion": 2, "mediaType": mediatype.INDEX, "manifests": rows}
        self._put(tag, json.dumps(index).encode(), mediatype.INDEX)

    def tags(self, count: int = _PAGE, *, most_pages: int = _MOST_PAGES) -> list[str]:
        """All tags, in the registry's order.

        Args:
            count: how many a page shall have; a registry may give fewer and go on.
            most_pages: no more are asked for.
        """
        found: list[str] = []
        url = self.client.endpoint.tags(self.path, count)
        for _ in range(most_pages):
            call = Call(method="GET", url=url, scopes=self._scopes, limit=_LIST_LIMIT, what="that repository")
            answer = self.client.send(call)
            found += _tags(answer.body)
            url = links.following(url, ", ".join(answer.headers("Link")))
            if not url:
                break
        return found


def _fetched(answer: Answer, promised: str) -> Fetched:
    content, found = answer.body, digests.of(answer.body)
    said = answer.header("Docker-Content-Digest").strip()
    for wanted in (promised, said):
        if digests.is_digest(wanted) and not digests.matches(wanted, content):
            raise ArchiveError(
                f"a manifest differs from its digest {wanted[:80]}",
                hint="it was changed on its way, or the registry is damaged: try again, or tell who runs it",
                detail=f"found {found}",
            )
    declared = answer.header("Content-Type").partition(";")[0].strip().lower()
    try:
        parsed = manifests.parse(content)
    except ArchiveError as error:
        raise ArchiveError(
            "the registry answers with something that is no manifest of an image",
            hint="is that a registry, and not a web page or a proxy's sign-in?"
            if "html" in declared
            else error.message,
            detail=f"{declared}: {printable(content[:200])}",
        ) from None
    if declared in _KNOWN and declared != parsed.media_type:
        parsed = _as_declared(content, parsed, declared)
    return Fetched(content=content, digest=found, media_type=parsed.media_type, parsed=parsed)


def _as_declared(content: bytes, parsed: Manifest | Index, declared: str) -> Manifest | Index:
    """A manifest that does not say itself what it is, as its header says."""
    of_kind = mediatype.MANIFESTS if isinstance(parsed, Manifest) else mediatype.INDEXES
    if json.loads(content).get("mediaType") or declared not in of_kind:
        raise ArchiveError("a manifest is of another media type than the registry says", detail=declared)
    if isinstance(parsed, Manifest):
        return Manifest(config=parsed.config, layers=parsed.layers, media_type=declared)
    return Index(manifests=parsed.manifests, media_type=declared)


def _subject(content: bytes) -> Descriptor | None:
    found = json.loads(content).get("subject")
    return descriptors.parse(found) if found is not None else None


def _tags(body: bytes) -> list[str]:
    try:
        found = json.loads(body).get("tags") or []
    except (ValueError, RecursionError, AttributeError):
        raise RegistryError("the registry's list of tags is none") from None
    if not isinstance(found, list) or not all(isinstance(tag, str) for tag in found):
        raise RegistryError("the registry's list of tags is none")
    return found
