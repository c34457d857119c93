"""The client of registries: what it decides, and how it behaves before a scripted server."""

from __future__ import annotations

import io
import json
import re
import tempfile
from pathlib import Path

from dockmagic.errors import DockmagicError, RegistryError
from dockmagic.oci import choice, descriptor, digest, manifest, mediatype, reference
from dockmagic.oci.descriptor import Descriptor
from dockmagic.registry import answer, challenge, endpoint, links, origin, redirect, retry, token
from dockmagic.registry.credentials import Keychain
from dockmagic.registry.registries import Registries
from dockmagic.registry.retry import Policy
from dockmagic.registry.settings import Registry, Settings
from dockmagic.registry.token import Credential
from dockmagic.testing import FakeRegistry
from tests.conformance.verdict import NotJudgedError, Row, different

BLOB = b"the content of a blob"
DIGEST = digest.of(BLOB)
MANIFEST = {
    "schemaVersion": 2,
    "mediaType": mediatype.MANIFEST,
    "config": Descriptor(media_type=mediatype.CONFIG, digest=DIGEST, size=len(BLOB)).to_dict(),
    "layers": [],
}


def judge(row: Row) -> str | None:
    given, expected = row["input"], row["expected"]
    operation = OPERATIONS.get(given["op"])
    if operation is None:
        raise NotJudgedError(f"op {given['op']}")
    return operation(given, expected)


def _next_page(given: Row, expected: Row) -> str | None:
    try:
        found = links.following(given["request_url"], given["link_header"])
    except RegistryError as error:
        return None if expected.get("error") or expected.get("or_error") else f"refused: {error}"
    return f"accepted: {found}" if expected.get("error") else different("next page", expected["next"], found or None)


def _home(host: str, *, insecure: bool) -> origin.Origin:
    return origin.of(f"{'http' if insecure else 'https'}://{host}")


def _redirect(given: Row, expected: Row) -> str | None:
    host = given["from_host"]
    home = _home(host, insecure=origin.is_loopback(host.rpartition(":")[0] or host))
    try:
        redirect.target(home, f"{home.url}/v2/", given["to"])
        allowed = True
    except RegistryError:
        allowed = False
    return different("allowed", _allowed(expected), allowed)


def _allowed(expected: Row) -> bool:
    return bool(expected.get("allowed", not expected.get("error")))


def _realm(given: Row, expected: Row) -> str | None:
    home = _home(given["registry_host"], insecure=given["insecure"])
    return different("allowed", _allowed(expected), token.is_allowed(given["realm"], home, insecure=given["insecure"]))


def _foreign(given: Row, expected: Row) -> str | None:
    allowed = redirect.is_foreign_allowed(given["url"], insecure=given["insecure_registry"])
    return different("allowed", _allowed(expected), allowed)


def _error_message(given: Row, expected: Row) -> str | None:
    method, _, url = (given.get("request") or "").partition(" ")
    body = given["body"] if isinstance(given["body"], str) else json.dumps(given["body"])
    found = answer.message(given["status"], body.encode(), method=method, url=url)
    return different("message", expected["message"], found)


def _platform(given: Row, expected: Row) -> str | None:
    return different("match", expected["match"], choice.matches(given["given"], given["required"]))


def _referrers_tag(given: Row, expected: Row) -> str | None:
    return different("tag", expected["tag"], endpoint.referrers_tag(given["digest"]))


def _grammar(_: Row, expected: Row) -> str | None:
    names = ["a", "a/b", "a--b", "a__b", "a_b", "a.b", "A", "a..b", "a___b", "-a", "a/", "/a", "a//b", "a_.b", "a-", ""]
    tags = ["1", "_", "a.b-c", ".a", "-a", "a" * 128, "a" * 129, "", "ä"]
    for kind, pattern, texts in (("name", expected["name_regex"], names), ("tag", expected["tag_regex"], tags)):
        for text in texts:
            whole = f"registry.example/{text}:1" if kind == "name" else f"registry.example/a:{text}"
            wrong = different(f"{kind} {text!r}", re.fullmatch(pattern, text) is not None, _parses(whole))
            if wrong:
                return wrong
    return None


def _parses(text: str) -> bool:
    try:
        reference.parse_normalized(text)
    except DockmagicError:
        return False
    return True


def _name(given: Row, expected: Row) -> str | None:
    kind, text = given["op"].removeprefix("name_"), given["text"]
    if kind == "registry":
        weak, strict = _is_registry(text or reference.DEFAULT_DOMAIN), _is_registry(text)
    else:
        weak = _parses(text)
        found = reference.parse_normalized(text) if weak else None
        named = found is not None and text.startswith(f"{found.domain}/")
        strict = named and (kind == "repository" or bool(found and (found.tag or found.digest)))
        weak = weak and (kind != "digest" or bool(found and found.digest))
    return different("strict", expected["strict_ok"], strict) or different("weak", expected["weak_ok"], weak)


def _is_registry(text: str) -> bool:
    try:
        endpoint.of(text)
    except DockmagicError:
        return False
    return True


def _canonical_address(given: Row, expected: Row) -> str | None:
    host, scheme = given.get("host") or given.get("registry"), given.get("scheme")
    if not host or not scheme:
        raise NotJudgedError("another form of the row")
    bare = f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host
    return different("address", expected.get("address"), origin.of(f"{scheme}://{bare}").address)


def _is_retryable(given: Row, expected: Row) -> str | None:
    codes = given.get("codes") or [error["code"] for error in given.get("errors") or ()]
    if "retryable" not in expected or not ("status" in given or codes):
        raise NotJudgedError("another form of the row")
    return different("retryable", expected["retryable"], retry.is_retried(given.get("status") or 0, codes))


def _ping(given: Row, expected: Row) -> str | None:
    header = given.get("www_authenticate")
    if not isinstance(header, str) or "parameters" not in expected:
        raise NotJudgedError("another form of the row")
    found = challenge.parse([header])
    got = (found[0].scheme, dict(found[0].parameters)) if found else ("", {})
    return different("challenge", (expected.get("challenge"), expected["parameters"]), got)


def _exchange(given: Row, expected: Row) -> str | None:
    """Play the server's script to the client, and hold what the client does to the words of the row."""
    with (
        tempfile.TemporaryDirectory() as directory,
        FakeRegistry(username="me", password="p") as server,
        FakeRegistry() as other,
    ):
        for step in given["server"]:
            _script(step, server, other)
        other.put_blob("x", BLOB)
        known = Registry(redirect_hosts=(other.address,))
        keychain = Keychain(Path(directory) / "auth.json", Path(directory) / "config.json")
        keychain.store(server.address, Credential(username="me", password="p"))
        registries = Registries(
            Settings(timeout=60, registries={server.address: known}), keychain, policy=Policy(attempts=3, first=0.01)
        )
        try:
            result, error = _act(given["server"][0]["match"], registries, server), None
        except DockmagicError as raised:
            result, error = None, raised
        return _compare(expected["client"], result, error, server, other)


def _script(step: Row, server: FakeRegistry, other: FakeRegistry) -> None:
    method, _, target = step["match"].partition(" ")
    headers = {name: _filled(value, other) for name, value in step.get("headers", {}).items()}
    body = step.get("body", b"")
    content = json.dumps(body).encode() if isinstance(body, dict) else _content(str(body)) if body else b""
    place, path = (
        (other, "/blob") if "OTHERHOST" in target else (server, re.escape(_filled(target, other).partition("?")[0]))
    )
    place.fault("status", method=method, path=path, status=step["status"], headers=headers, body=content)


def _filled(text: str, other: FakeRegistry) -> str:
    return text.replace("<d>", DIGEST).replace("OTHERHOST", other.address)


def _content(said: str) -> bytes:
    if said.startswith("MANIFEST"):
        return json.dumps(MANIFEST).encode()
    return BLOB if said == "BLOB" else said.encode()


def _act(first: str, registries: Registries, server: FakeRegistry) -> object:
    """Do what makes a client send the first request of the script."""
    described = descriptor.parse({"mediaType": mediatype.LAYER, "digest": DIGEST, "size": len(BLOB)})
    # The registry's own answers behind the script want a password: the first request has it already.
    with registries.transport() as transport:
        repository = registries.repository(server.address, "r", transport, ("pull", "push"))
        match first.split("/v2/r/")[1].split("/", maxsplit=1)[0], first.split(" ", maxsplit=1)[0]:
            case "manifests", "GET":
                return repository.manifest("latest")
            case "tags", "GET":
                return repository.tags(int(first.rpartition("n=")[2]))
            case "blobs", "GET":
                return repository.blob(described, 1 << 20)
            case "blobs", "POST":
                near = "other" if "from=" in first else ""
                return repository.push_blob(described, lambda: io.BytesIO(BLOB), mount_from=near)
            case _:
                raise NotJudgedError(f"an exchange that begins with {first}")


def _compare(
    words: object, result: object, error: DockmagicError | None, server: FakeRegistry, other: FakeRegistry
) -> str | None:
    if isinstance(words, list):
        return different("the list", words, result if error is None else f"error {error}")
    told = f"error {error!r}" if error else f"result {result!r}"
    match str(words):
        case "accepts as an OCI manifest":
            kind = getattr(getattr(result, "parsed", None), "media_type", told)
            return different("kind", manifest.Manifest.__dataclass_fields__["media_type"].default, kind)
        case "rejects":
            return None if error is not None else told
        case "uploads nothing":
            return None if result is False and not server.asked("PATCH") and not server.asked("PUT") else told
        case "falls back to a normal upload at the Location":
            return None if any("/uploads/u9" in r.path for r in server.requests) else told
        case "second request has no Authorization header":
            sent = [r for r in other.requests if "authorization" in r.headers]
            return None if other.requests and not sent and result == BLOB else told
        case "waits as told and retries, or fails naming the limit":
            return None if error is None or type(error).__name__ == "RateLimitError" else told
        case "clean not-found error, no JSON traceback":
            return None if type(error).__name__ == "NotFoundError" else told
        case other_words:
            raise NotJudgedError(f"words {other_words!r}")


OPERATIONS = {
    "next_page": _next_page,
    "redirect": _redirect,
    "token_realm": _realm,
    "foreign_layer_url": _foreign,
    "error_message": _error_message,
    "platform_matches": _platform,
    "referrers_tag": _referrers_tag,
    "grammar": _grammar,
    "name_tag": _name,
    "name_digest": _name,
    "name_repository": _name,
    "name_registry": _name,
    "canonical_address": _canonical_address,
    "is_retryable": _is_retryable,
    "ping": _ping,
    "exchange": _exchange,
}
