"""Builds: steps with their contexts in one store, then what the image holds, or the error."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from dockmagic.builder.request import Secret
from dockmagic.dockerfile.stages import parse_stages
from dockmagic.engine import several
from dockmagic.errors import DockmagicError
from dockmagic.results import Build, Image
from tests.conformance.verdict import NotJudgedError, Row, different
from tests.conformance.workshop import FAMILIES, content, context, workshop

_REGISTRY = "localhost:5000"


def judge(row: Row) -> str | None:
    given, expected = row["input"], row["expected"]
    if given["needs"]["git"]:
        raise NotJudgedError("needs a git server")
    trees: list[Any] = []
    with server(given.get("http_server", {})) as address:
        for number, (step, wanted) in enumerate(zip(given["steps"], expected["steps"], strict=True)):
            if step.get("build") is None:
                raise NotJudgedError("a step that was not converted")
            options = _placed(step["build"], address)
            missed = _step(options, _placed(wanted, address), trees)
            if missed:
                return f"step {number}: {missed}"
    return None


def _placed(value: Any, address: str) -> Any:
    """The value with its placeholders filled."""
    return json.loads(json.dumps(value).replace("HTTPSERVER", address).replace("REGISTRY", _REGISTRY))


@contextmanager
def server(files: Mapping[str, Any]) -> Iterator[str]:
    """A server on the loopback that has these files; its address."""
    if not files:
        yield ""
        return
    contents = {path: content(file) for path, file in files.items()}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path in contents else 404)
            self.send_header("Content-Length", str(len(contents.get(self.path, b""))))
            self.end_headers()
            self.wfile.write(contents.get(self.path, b""))

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _step(build: Row, wanted: Row, trees: list[Any]) -> str | None:
    options, missing = _options(build)
    if missing:
        return missing
    with ExitStack() as stack:
        if not isinstance(build.get("context"), list):
            raise NotJudgedError("its context is no list of files")
        directory = stack.enter_context(context([op for op in build["context"] if isinstance(op, dict)]))
        text = build.get("dockerfile")
        if text is None:
            text = (directory / "Dockerfile").read_text()
        _bases(text, options["build_args"])
        for name, value in options["build_contexts"].items():
            if value.startswith("local:"):
                files = build[f"named:{value.removeprefix('local:')}"]
                options["build_contexts"][name] = str(stack.enter_context(context(files)))
            else:
                _bases(f"FROM {value.removeprefix('docker-image://')}", {})
        options["secrets"] = {
            name: Secret(source=_kept(stack, value)) for name, value in (build.get("secrets") or {}).items()
        }
        try:
            built = workshop().build(text=text, context=directory, dockerfile=directory / "Dockerfile", **options)
        except DockmagicError as error:
            trees.append(None)
            return _refused(wanted, error)
    if not wanted["ok"]:
        return "it built"
    assert built.image is not None
    trees.append(_tree(built))
    return next((found for check in wanted["checks"] if (found := _check(trees, built, check))), None)


def _tree(built: Build) -> dict[str, Any]:
    """What an export would write: the files of several platforms side by side."""
    if not built.images:
        assert built.image is not None
        return workshop().tree(built.image)
    found = {}
    for platform, image in built.images.items():
        directory = platform.replace("/", "_")
        found |= {f"{directory}/{path}": entry for path, entry in workshop().tree(image).items()}
    return found


def _kept(stack: ExitStack, text: str) -> Path:
    """A file with that text."""
    directory = stack.enter_context(context([{"op": "write", "path": "secret", "content": text, "mode": "0600"}]))
    return directory / "secret"


def _options(build: Row) -> tuple[dict[str, Any], str]:
    """The options of a build, and what it asks for that there is no option for."""
    attrs = dict(build.get("attrs") or {})
    options: dict[str, Any] = {
        "build_args": dict(build.get("build_args") or {}),
        "target": attrs.pop("target", None),
        "labels": {key.split(":", 1)[1]: attrs.pop(key) for key in list(attrs) if key.startswith("label:")},
    }
    name = (build.get("export_attrs") or {}).get("name")
    if isinstance(name, str):
        options["tags"] = tuple(name.split(","))
    if "hostname" in attrs:
        options["build_args"].setdefault("BUILDKIT_SANDBOX_HOSTNAME", attrs.pop("hostname"))
    if attrs.get("no-cache") == "":
        options["no_cache"] = not attrs.pop("no-cache")
    elif "no-cache" in attrs:
        options["no_cache_filter"] = tuple(attrs.pop("no-cache").split(","))
    if "cache-from" in attrs or any(export.get("Type") == "registry" for export in build.get("other_CacheExports", ())):
        raise NotJudgedError("needs the cache of a registry")
    options["build_contexts"] = _named(attrs)
    if isinstance(attrs.get("platform"), str):
        options["platforms"] = several.platforms_of(attrs.pop("platform"))
    for key, value in attrs.items():
        if isinstance(value, dict):
            raise NotJudgedError(f"a value of {key} that was not converted")
        return options, f"no option for {key}={value}"
    return options, ""


def _named(attrs: dict[str, Any]) -> dict[str, str]:
    """The named contexts, taken out of the attributes."""
    found: dict[str, str] = {}
    for key in [key for key in attrs if key.startswith("context:") and isinstance(attrs[key], str)]:
        found[key.removeprefix("context:")] = value = attrs.pop(key)
        if value.startswith("docker-image:") and not value.startswith("docker-image://"):
            raise NotJudgedError("needs a source policy")
    return found


def _bases(text: str, arguments: Mapping[str, str]) -> None:
    """Make the bases that the text may mean; names with variables may mean every one."""
    try:
        stages = parse_stages(text)
    except DockmagicError:
        return
    names = {stage.name for stage in stages.stages}
    words = {stage.base for stage in stages.stages} | set(arguments.values())
    words |= set(re.findall(r"from=([^\s,]+)", text))
    for word in words - names:
        for family in FAMILIES:
            bare = word.removeprefix("docker.io/").removeprefix("library/").removesuffix(":latest")
            if bare == family:
                workshop().base(word)
        if "$" in word:
            for family in FAMILIES:
                workshop().base(family)
        if word.startswith(("amd64/", "quay.io/")):
            raise NotJudgedError(f"needs the image {word}")


def _refused(wanted: Row, error: DockmagicError) -> str | None:
    text = f"{error}\n{getattr(error, 'detail', '')}"
    if wanted["ok"]:
        return f"refused: {text[:400]}"
    parts = wanted.get("error_contains", [])
    missing = [part for part in ([parts] if isinstance(parts, str) else parts) if part not in text]
    return f"error {text!r} lacks {missing!r}" if missing else None


def _check(trees: list[Any], built: Build, check: Row) -> str | None:
    kind = check["check"]
    if kind not in _CHECKS:
        raise NotJudgedError(f"check {kind}")
    return _CHECKS[kind](trees, built, check)


def _found(trees: list[Any], check: Row) -> Any:
    """The entry of a path: links are followed within the image."""
    tree, path = trees[-1], check["path"].strip("/")
    for _ in range(40):
        entry = tree.get(path)
        if entry is None or entry.kind != "symlink":
            return entry
        above = "" if entry.link.startswith("/") else path.rpartition("/")[0]
        path = Path("/", above, entry.link).resolve().as_posix().strip("/")
    return None


def _exists(trees: list[Any], _: Build, check: Row) -> str | None:
    if check["path"] == "out.tar":
        return None  # the archive that the peer's exporter writes
    if check["path"] == "index.json":
        raise NotJudgedError("looks at the layout that the peer's exporter writes")
    return None if check["path"].strip("/") in trees[-1] else f"{check['path']} is missing"


def _absent(trees: list[Any], _: Build, check: Row) -> str | None:
    return f"{check['path']} is there" if check["path"].strip("/") in trees[-1] else None


def _content(trees: list[Any], _: Build, check: Row) -> str | None:
    entry = _found(trees, check)
    return different(check["path"], content(check), entry and entry.content)


def _trimmed(trees: list[Any], _: Build, check: Row) -> str | None:
    entry = _found(trees, check)
    return different(check["path"], content(check).strip(), entry and entry.content.strip())


def _contains(trees: list[Any], _: Build, check: Row) -> str | None:
    entry = _found(trees, check)
    return None if entry and check["text"].encode() in entry.content else f"{check['path']} lacks {check['text']!r}"


def _larger(trees: list[Any], _: Build, check: Row) -> str | None:
    entry = _found(trees, check)
    return None if entry and len(entry.content) > check["than"] else f"{check['path']} is too small"


def _is_file(trees: list[Any], _: Build, check: Row) -> str | None:
    entry = _found(trees, check)
    return None if entry and entry.kind == "file" else f"{check['path']} is no file"


def _is_dir(trees: list[Any], _: Build, check: Row) -> str | None:
    entry = _found(trees, check)
    return None if entry and entry.kind == "dir" else f"{check['path']} is no directory"


def _header(trees: list[Any], _: Build, check: Row) -> str | None:
    entry = trees[-1].get(check["path"].strip("/"))
    return different(check["path"], check["equals"], entry and getattr(entry, check["field"].split(".")[-1].lower()))


def _same(trees: list[Any], _: Build, check: Row) -> str | None:
    a, b = (trees[check[side]["step"]][check[side]["path"]].content for side in "ab")
    return different("content", a, b)


def _value(built: Build, path: str) -> Any:
    """A value of the image's config, or of what an export would say of it."""
    image = built.image
    assert image is not None
    head, *rest = (
        re.findall(r'[^.\[\]"]+', path) if '"' not in path else re.findall(r'(?<=")[^"]+(?=")|[A-Za-z]+(?=[.\[])', path)
    )
    document: Any = {
        "config": image.config.get("config", {}),
        "History": _own_history(image),
        "manifest": {"Layers": list(image.layers)},
        "images": list(built.images.values()) or [image],
    }.get(head)
    if document is None:
        raise NotJudgedError(f"a check of {head}")
    for name in rest:
        if isinstance(document, list):
            document = document[int(name)]
        elif isinstance(document, Mapping):
            lowered = {key.lower(): value for key, value in document.items()}
            document = document.get(name, lowered.get(name.lower()))
    return document


def _own_history(image: Image) -> list[Any]:
    """The last rows: the peer's test cuts those of the base off, and one more."""
    return [{name.replace("_", ""): value for name, value in row.items()} for row in image.config["history"][-3:]]


def _config(_: list[Any], built: Build, check: Row) -> str | None:
    return different(check["path"], check["equals"], _value(built, check["path"]))


def _length(_: list[Any], built: Build, check: Row) -> str | None:
    return different(check["path"], check["equals"], len(_value(built, check["path"]) or ()))


def _holds(_: list[Any], built: Build, check: Row) -> str | None:
    found = _value(built, check["path"])
    return None if check["item"] in (found or ()) else f"{check['path']} lacks {check['item']!r}: {found!r}"


def _lacks(trees: list[Any], built: Build, check: Row) -> str | None:
    return None if _holds(trees, built, check) else f"{check['path']} holds {check['item']!r}"


_CHECKS: dict[str, Callable[[list[Any], Build, Row], str | None]] = {
    "absent": _absent,
    "config": _config,
    "config_contains": _holds,
    "config_len": _length,
    "config_not_contains": _lacks,
    "contains": _contains,
    "content": _content,
    "content_trimmed": _trimmed,
    "exists": _exists,
    "is_dir": _is_dir,
    "is_file": _is_file,
    "same_content": _same,
    "size_greater": _larger,
    "tar_header": _header,
}
