"""A registry in this process: OCI distribution 1.1 on a loopback port, with faults on demand and a log of what was asked."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import threading
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from dockmagic.testing.registry_faults import Fault, Faults, answer_fault
from dockmagic.testing.registry_requests import Request, parse

_TYPES = {True: "application/vnd.oci.image.index.v1+json", False: "application/vnd.oci.image.manifest.v1+json"}

_BEARER = "Bearer token-for-"


class FakeRegistry:
    """A registry that answers on 127.0.0.1 while its block runs.

    Args:
        username: who may use it, "" for everybody.
        password: of that user.
        tokens: sign in by token instead of basic authentication.
        realm: where tokens are to be had; "" for this registry's own ``/token``.
        mounts: blobs of other repositories can be mounted.
        referrers: it keeps account of ``subject`` itself, as the referrers API wants it.
        ranges: it heeds ``Range`` of a GET.

    Attributes:
        address: ``127.0.0.1:PORT``, the domain of its images.
        blobs: repository to digest to content.
        manifests: repository to tag or digest to (media type, content).
        requests: everything that was asked, in order.
    """

    def __init__(
        self,
        *,
        username: str = "",
        password: str = "",
        tokens: bool = False,
        realm: str = "",
        mounts: bool = True,
        referrers: bool = True,
        ranges: bool = True,
    ) -> None:
        self.username = username
        self.password = password
        self.tokens = tokens
        self.mounts = mounts
        self.referrers = referrers
        self.ranges = ranges
        self.blobs: dict[str, dict[str, bytes]] = {}
        self.manifests: dict[str, dict[str, tuple[str, bytes]]] = {}
        self.requests: list[Request] = []
        self._uploads: dict[str, bytearray] = {}
        self._names = itertools.count()
        self._faults = Faults()
        self._lock = threading.RLock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self.realm = realm or f"http://{self.address}/token"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._faults.end()
        self._server.shutdown()
        self._server.server_close()

    def put_blob(self, repository: str, content: bytes) -> str:
        """Store a blob; returns its digest."""
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.blobs.setdefault(repository, {})[digest] = content
        return digest

    def put_manifest(self, repository: str, tag: str, content: bytes | Mapping[str, Any], media_type: str = "") -> str:
        """Store a manifest or an index under a tag and its digest, as it stands; returns the digest."""
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        kind = media_type or json.loads(data).get("mediaType") or _TYPES["manifests" in json.loads(data)]
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.manifests.setdefault(repository, {}).update({digest: (kind, data), **({tag: (kind, data)} if tag else {})})
        return digest

    def put_image(
        self,
        repository: str,
        tag: str,
        layers: list[bytes],
        config: Mapping[str, Any],
        *,
        layer_type: str = "application/vnd.oci.image.layer.v1.tar+gzip",
    ) -> str:
        """Store an image of layers as they stand, compressed or not; returns its manifest's digest."""
        described = json.dumps(config).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": _TYPES[False],
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": self.put_blob(repository, described),
                "size": len(described),
            },
            "layers": [
                {"mediaType": layer_type, "digest": self.put_blob(repository, layer), "size": len(layer)}
                for layer in layers
            ],
        }
        return self.put_manifest(repository, tag, manifest)

    def fault(self, kind: str, *, method: str = "", path: str = "", times: int = 1, **more: Any) -> None:
        """Answer the next requests in another way; see :class:`dockmagic.testing.registry_faults.Fault`.

        Args:
            kind: ``"status"``, ``"reset"``, ``"truncate"``, ``"wrong-digest"``, ``"wrong-length"``, ``"slow"``,
                ``"endless"``, ``"html"``, ``"redirect"``, ``"stall"``.
            method: of the requests, "" for any.
            path: a regular expression that is found in their path, "" for any.
            times: how many of them.
            more: further fields of :class:`Fault`: ``status``, ``headers``, ``body``, ``after``.
        """
        self._faults.add(Fault(kind=kind, method=method, path=path, times=times, **more))

    def asked(self, method: str = "", path: str = "") -> list[Request]:
        """The requests of that method whose path holds that text."""
        return [r for r in self.requests if method in {"", r.method} and path in r.path]

    def answer(self, request: Request, handler: _Handler) -> None:
        """Answer one request; called by the server's threads."""
        with self._lock:
            self.requests.append(request)
        fault = self._faults.take(request)
        if fault is not None and not answer_fault(fault, handler, self._faults.ended, self._content(request)):
            return
        parts = urlsplit(request.path)
        query = dict(parse_qsl(parts.query))
        if parts.path == "/token":
            self._token(request, handler, [value for name, value in parse_qsl(parts.query) if name == "scope"])
        elif not self._is_let_in(request):
            handler.reply(401, _error("UNAUTHORIZED"), {"WWW-Authenticate": self._challenge()})
        else:
            with self._lock:
                self._api(request, handler, parts.path, query)

    def _challenge(self) -> str:
        return f'Bearer realm="{self.realm}",service="fake"' if self.tokens else 'Basic realm="fake"'

    def _is_let_in(self, request: Request) -> bool:
        header = request.headers.get("authorization", "")
        if not self.tokens:
            return not self.username or header == self._basic
        if not header.startswith(_BEARER):
            return False
        place = parse(urlsplit(request.path).path)
        action = "pull" if request.method in {"GET", "HEAD"} and place.kind != "uploads" else "push"
        scopes = (scope.split(":") for scope in unquote(header.removeprefix(_BEARER)).split())
        return place.kind == "ping" or any(s[1] == place.repository and action in s[2].split(",") for s in scopes)

    @property
    def _basic(self) -> str:
        return f"Basic {base64.b64encode(f'{self.username}:{self.password}'.encode()).decode()}"

    def _token(self, request: Request, handler: _Handler, scopes: Sequence[str]) -> None:
        header = request.headers.get("authorization", "")
        if (header or self.username) and header != self._basic:
            handler.reply(401, _error("UNAUTHORIZED"))
            return
        value = f"{_BEARER.removeprefix('Bearer ')}{quote(' '.join(scopes), safe='')}"
        handler.reply(200, json.dumps({"token": value}).encode())

    def _content(self, request: Request) -> bytes:
        """What a GET would give, for the faults that change it."""
        found = parse(urlsplit(request.path).path)
        if found.kind == "blobs":
            return self.blobs.get(found.repository, {}).get(found.reference, b"")
        return self.manifests.get(found.repository, {}).get(found.reference, ("", b""))[1]

    def _api(self, request: Request, handler: _Handler, path: str, query: Mapping[str, str]) -> None:
        place = parse(path)
        match place.kind, request.method:
            case "ping", _:
                handler.reply(200, b"{}")
            case "manifests", "GET" | "HEAD":
                self._get_manifest(handler, place.repository, place.reference)
            case "manifests", "PUT":
                self._put_manifest(request, handler, place.repository, place.reference)
            case "blobs", "GET" | "HEAD":
                self._get_blob(request, handler, place.repository, place.reference)
            case "uploads", "POST":
                self._begin(handler, place.repository, query)
            case "uploads", _:
                self._upload(request, handler, place.repository, place.reference, query)
            case "tags", "GET":
                self._list_tags(handler, place.repository, query)
            case _:
                handler.reply(404, _error("UNSUPPORTED"))

    def _get_manifest(self, handler: _Handler, repository: str, reference: str) -> None:
        found = self.manifests.get(repository, {}).get(reference)
        if found is None:
            handler.reply(404, _error("MANIFEST_UNKNOWN"))
            return
        digest = f"sha256:{hashlib.sha256(found[1]).hexdigest()}"
        handler.reply(200, found[1], {"Content-Type": found[0], "Docker-Content-Digest": digest})

    def _put_manifest(self, request: Request, handler: _Handler, repository: str, reference: str) -> None:
        said = json.loads(request.body)
        wanted = [*said.get("layers", []), *([said["config"]] if "config" in said else [])]
        missing = [
            d["digest"] for d in wanted if d["digest"] not in self.blobs.get(repository, {}) and not d.get("urls")
        ]
        if missing:
            handler.reply(400, _error("MANIFEST_BLOB_UNKNOWN"))
            return
        digest = self.put_manifest(repository, reference, request.body, request.headers.get("content-type", ""))
        subject = said.get("subject")
        told = {"OCI-Subject": subject["digest"]} if subject and self.referrers else {}
        handler.reply(201, b"", {"Docker-Content-Digest": digest, **told})

    def _get_blob(self, request: Request, handler: _Handler, repository: str, digest: str) -> None:
        content = self.blobs.get(repository, {}).get(digest)
        wanted = request.headers.get("range", "").removeprefix("bytes=").partition("-")[0]
        if content is None:
            handler.reply(404, _error("BLOB_UNKNOWN"))
        elif wanted and self.ranges:
            start, size = int(wanted), len(content)
            handler.reply(206, content[start:], {"Content-Range": f"bytes {start}-{size - 1}/{size}"})
        else:
            handler.reply(200, content, {"Content-Type": "application/octet-stream"})

    def _begin(self, handler: _Handler, repository: str, query: Mapping[str, str]) -> None:
        digest, source = query.get("mount", ""), query.get("from", "")
        content = self.blobs.get(source, {}).get(digest) if self.mounts else None
        if content is not None:
            self.put_blob(repository, content)
            handler.reply(201, b"", {"Location": f"/v2/{repository}/blobs/{digest}"})
            return
        name = f"u{next(self._names)}"
        self._uploads[name] = bytearray()
        handler.reply(202, b"", {"Location": f"/v2/{repository}/blobs/uploads/{name}?state=0"})

    def _upload(
        self, request: Request, handler: _Handler, repository: str, name: str, query: Mapping[str, str]
    ) -> None:
        data = self._uploads.get(name)
        if data is None:
            handler.reply(404, _error("BLOB_UPLOAD_UNKNOWN"))
            return
        start = request.headers.get("content-range", "").partition("-")[0]
        if start and int(start) != len(data):
            handler.reply(416, _error("BLOB_UPLOAD_INVALID"))
            return
        data += request.body
        told = {"Location": f"/v2/{repository}/blobs/uploads/{name}?state={len(data)}"}
        told |= {"Range": f"0-{len(data) - 1}"} if data else {}
        if request.method != "PUT":
            handler.reply(204 if request.method == "GET" else 202, b"", told)
            return
        if self.put_blob(repository, bytes(data)) != query.get("digest"):
            handler.reply(400, _error("DIGEST_INVALID"))
            return
        del self._uploads[name]
        handler.reply(201, b"", {"Location": f"/v2/{repository}/blobs/{query['digest']}"})

    def _list_tags(self, handler: _Handler, repository: str, query: Mapping[str, str]) -> None:
        if repository not in self.manifests:
            handler.reply(404, _error("NAME_UNKNOWN"))
            return
        tags = sorted(tag for tag in self.manifests[repository] if ":" not in tag)
        after, count = query.get("last", ""), int(query.get("n", "1000"))
        rest = [tag for tag in tags if tag > after]
        link = f'</v2/{repository}/tags/list?n={count}&last={rest[count - 1]}>; rel="next"' if len(rest) > count else ""
        told = {"Link": link} if link else {}
        handler.reply(200, json.dumps({"name": repository, "tags": rest[:count]}).encode(), told)


def _error(code: str) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": code.lower().replace("_", " ")}]}).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    registry: FakeRegistry

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
        """Nothing is printed."""

    def reply(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Send an answer."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if not (status == 204 and not body):  # noqa: PLR2004 - HTTP's number
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(method=self.command, path=self.path, headers=headers, body=body)
        self.registry.answer(request, self)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _any  # noqa: N815 - the standard library's names


def _handler(registry: FakeRegistry) -> type[_Handler]:
    return type("Handler", (_Handler,), {"registry": registry})
