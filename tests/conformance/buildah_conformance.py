"""Builds of another builder's suites: what they make of the base, compared with what was measured of that builder.

A measured result counts where it is marked as good or as an observation. Where the peer was too old, or failed for a reason that nobody
knows, the row asks for success alone, unless its own script says that the build has to fail.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from dockmagic.builder.plan import draft
from dockmagic.builder.request import BuildRequest, Secret
from dockmagic.errors import DockmagicError
from dockmagic.results import Image
from tests.conformance.dockerfile_build import server
from tests.conformance.verdict import NotJudgedError, Row, different
from tests.conformance.workshop import Node, context, workshop

# of the peer itself: what it leaves behind in the image
_LEFT = {
    "dev",
    "etc",
    "etc/hostname",
    "etc/hosts",
    "etc/resolv.conf",
    "proc",
    "run",
    "run/.containerenv",
    "run/secrets",
}
_LEFT |= {"sys", "tmp"}
# of that many entries, a measured list is cut
_MEASURED = 400
_CONFIG = ("Env", "Cmd", "Entrypoint", "User", "WorkingDir", "ExposedPorts", "Volumes", "Labels", "StopSignal")
_OWN_LABEL = "io.buildah.version"
_ELSEWHERE = ("quay.io/fedora", "quay.io/libpod")
_NEEDS = {
    "COPY true /true/": "a compiled program",
    "containers-cdi": "a device",
    "FOREIGNARCH": "a platform",
}
_FLAGS_OF_VALUE = ("--build-arg", "--secret", "--build-context", "--platform", "--device", "--volume", "-v", "--ssh")
# Where the reference of Docker's current builder says otherwise than the peer that was measured; see docs/build.md.
_VOLUME = "VOLUME makes no directory, and what later steps write there is kept"
_DECIDED: Mapping[str, str] = {
    "bud/cache-chown/Dockerfile.tar1": "--chown counts for extracted archives too",
    "bud/cache-chown/Dockerfile.tar2": "--chown counts for extracted archives too",
    "bud/dockerignore/Dockerfile": "a pattern with ! brings files back out of an excluded directory",
    "bud/dockerignore/Dockerfile.succeed": "a pattern with ! brings files back out of an excluded directory",
    "bud/inline-network/Dockerfile1": "RUN --network=host wants --network host on the build",
    "bud/multi-stage-builds/Dockerfile.arg_in_copy": "--from takes no variables",
    "bud/symlink/Dockerfile": _VOLUME,
    "bud/symlink/Dockerfile.multiple-symlinks": _VOLUME,
    "bud/symlink/Dockerfile.relative-symlink": _VOLUME,
    "bud/symlink/Dockerfile.symlink-points-to-itself": _VOLUME,
    "bud/volume-perms/Dockerfile": _VOLUME,
    "conf/chown-volume": _VOLUME,
}


def judge(row: Row) -> str | None:
    given, expected = row["input"], row["expected"]
    script = _Script(row)
    _refuse(row, script)
    arguments = {**(given.get("build_args") or {}), **script.arguments}
    _make_bases(given, arguments)
    with ExitStack() as stack:
        directory = stack.enter_context(context(given["context"]))
        if "HTTP_SERVER_PORT" in given["dockerfile"]:
            address = stack.enter_context(server({"/README.md": {"content": "read me"}}))
            arguments["HTTP_SERVER_PORT"] = address.rpartition(":")[2]
        for name in ("buildkitbase", "buildkitbaserelative"):
            file = directory / f"Dockerfile{name}"
            if f"from={name}" in given["dockerfile"] and file.exists():
                workshop().build(text=file.read_text(), context=directory, tags=(name,))
        options: Row = {"build_args": arguments, "secrets": {}}
        names = re.findall(r"type=secret,id=([\w-]+)", given["dockerfile"])
        if names and ("--secret" in script.flags or not script.exits):
            secret = [{"op": "write", "path": "s", "content": "SOMESECRETDATA\n", "mode": "0600"}]
            source = stack.enter_context(context(secret)) / "s"
            options["secrets"] = {name: Secret(source=source) for name in names}
        return _built(given, expected, script, directory, options)


def _refuse(row: Row, script: _Script) -> None:
    """Say what a row needs that is not here.

    Raises:
        NotJudgedError: it needs something.
    """
    given = row["input"]
    reasons = [f"decided: {_DECIDED[row['id']]}"] if row["id"] in _DECIDED else []
    if given.get("transient_mounts"):
        reasons.append("needs a mount of the machine in every RUN")
    reasons += [f"needs the image {base}" for base in given["needs"]["bases"] if base.startswith(_ELSEWHERE)]
    reasons += [f"its script gives {flag}" for flag in sorted(script.flags - {"--build-arg", "--secret"})]
    reasons += [f"needs {what}" for text, what in _NEEDS.items() if text in given["dockerfile"]]
    if reasons:
        raise NotJudgedError(reasons[0])


def _built(given: Row, expected: Row, script: _Script, directory: Path, options: Row) -> str | None:
    try:
        built = workshop().build(
            text=given["dockerfile"],
            context=directory,
            dockerfile=directory / (given["dockerfile_name"] or "Dockerfile"),
            no_cache="output_regexp" in expected or "type=secret" in given["dockerfile"],
            **options,
        )
    except DockmagicError as error:
        return None if _may_fail(expected, script) else f"refused: {error} {getattr(error, 'detail', '')}"[:600]
    if _must_fail(expected, script):
        return "it built"
    assert built.image is not None
    return _printed(expected, built.log) or _compared(given, expected, built.image, options["build_args"])


class _Script:
    """What the row's own script does with its Dockerfile: the options and exit codes of the builds that name it.

    Attributes:
        arguments: of ``--build-arg``, of the first such build.
        flags: its options that mean something for the result.
        exits: of all such builds.
    """

    def __init__(self, row: Row) -> None:
        self.arguments: dict[str, str] = {}
        self.flags: set[str] = set()
        self.exits: list[int] = []
        name = f"{row['group'].split(':', 1)[1]}/{row['input']['dockerfile_name']}"
        for words, code in _builds(row["expected"].get("bats", ())):
            if not any(word.endswith(name) for word in words):
                continue
            if not self.exits:
                self._take(words)
            self.exits.append(code)

    def _take(self, words: list[str]) -> None:
        pairs = zip(words, [*words[1:], ""], strict=True)
        for word, following in pairs:
            flag, equals, value = word.partition("=")
            if flag in _FLAGS_OF_VALUE:
                self.flags.add(flag)
                text = value if equals else following
                if flag == "--build-arg" and "$" not in text:
                    key, _, value = text.partition("=")
                    self.arguments[key] = value


def _builds(tests: Any) -> Iterator[tuple[list[str], int]]:
    for test in tests:
        for step in test["steps"]:
            command = step.get("buildah", "")
            if command.startswith(("build", "bud")):
                try:
                    yield shlex.split(command), step.get("exit", 0)
                except ValueError:
                    continue


def _make_bases(given: Row, arguments: Mapping[str, str]) -> None:
    words = set(given["needs"]["bases"]) | set((given.get("build_args") or {}).values())
    words |= set(re.findall(r"from=([\w./:-]+)", given["dockerfile"]))
    words |= set(re.findall(r"[\w./-]*(?:busybox|alpine)[\w.:]*", given["dockerfile"]))
    for word in words:
        if re.fullmatch(r"(?:mirror\.gcr\.io/|docker\.io/(?:library/)?)?(?:busybox|alpine)(?::[\w.]+)?", word):
            workshop().base(word)
    if "$" in "".join(given["needs"]["bases"]):
        for value in (*arguments.values(), "latest"):
            if re.fullmatch(r"[\w.]+", value):
                workshop().base(f"busybox:{value}")


def _must_fail(expected: Row, script: _Script) -> bool:
    if expected.get("should_fail_at_step"):
        return True
    return bool(script.exits) and all(script.exits)


def _may_fail(expected: Row, script: _Script) -> bool:
    """A failure of the peer for an unknown reason is one that may be meant."""
    measured = expected.get("measured_peer", {})
    unverified = measured.get("trust", "").startswith("unverified")
    return _must_fail(expected, script) or (unverified and not measured["ok"] and 0 not in script.exits)


def _printed(expected: Row, log: str) -> str | None:
    for key in ("output_regexp", "stderr_regexp"):
        if key in expected and not re.search(expected[key], log):
            return f"the log lacks {expected[key]!r}: {log[-300:]!r}"
    return None


def _compared(given: Row, expected: Row, image: Image, arguments: Mapping[str, str]) -> str | None:
    measured = expected.get("measured_peer", {})
    if not measured.get("ok") or measured["trust"].startswith("unusable"):
        return None
    skipped = dict(_skipped(expected.get("fs_compare_skip", ())))
    base = _base_tree(given, arguments)
    tree = workshop().tree(image)
    left = _LEFT | {path.strip("/") for path in re.findall(r"target=([^,\s]+)", given["dockerfile"])}
    wanted = {entry["path"]: entry for entry in measured["changed"] if entry["path"] not in left}
    for path, entry in wanted.items():
        if "" not in skipped.get(path, ()):
            missed = _entry(entry, tree.get(path), skipped.get(path, ()))
            if missed:
                return missed
    for path in measured["removed"]:
        if path in tree and path not in left:
            return f"{path} was not removed"
    for path, node in tree.items() if len(measured["changed"]) < _MEASURED else ():
        if path not in wanted and path not in left and base.get(path) != node and "" not in skipped.get(path, ()):
            return f"{path} is changed or new: {node!r}"[:300]
    return _configs(measured["config"], image)


def _skipped(patterns: Any) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Paths that are not compared at all (""), or not in one respect."""
    found: dict[str, list[str]] = {}
    for pattern in patterns:
        words = [word for word in pattern.split(":") if word != "(dir)"]
        aspect = words.pop() if words[-1] in {"mtime", "mode", "uid", "gid", "size"} else ""
        found.setdefault("/".join(words), []).append(aspect)
    for path, aspects in found.items():
        yield path, tuple(aspects)


def _base_tree(given: Row, arguments: Mapping[str, str]) -> Mapping[str, Node]:
    """What the last stage starts from, if it is an image."""
    request = BuildRequest(text=given["dockerfile"], context=Path(), build_args=arguments, epoch=0, machine="amd64")
    stages = draft(request).stages
    stage = stages.stages[-1]
    while (below := stages.named(stage.base, before=stage.index)) is not None:
        stage = below
    found = workshop().engine.session.store.images.resolve(stage.base) if stage.base != "scratch" else None
    return {} if found is None else workshop().tree(workshop().image(found))


def _entry(entry: Mapping[str, Any], node: Node | None, skipped: tuple[str, ...]) -> str | None:
    path = entry["path"]
    if node is None:
        return f"{path} is missing"
    wanted = {"kind": entry["type"]}
    got = {"kind": node.kind}
    if entry["type"] != "symlink":
        wanted["mode"], got["mode"] = entry["mode"].zfill(4), f"{node.mode:04o}"
    for aspect in ("uid", "gid"):
        wanted[aspect], got[aspect] = entry[aspect], getattr(node, aspect)
    if "sha256" in entry:
        wanted["sha256"], got["sha256"] = entry["sha256"], hashlib.sha256(node.content).hexdigest()
    if "target" in entry or "linkname" in entry:
        wanted["link"], got["link"] = entry.get("target", entry.get("linkname")), node.link
    for aspect in skipped:
        wanted.pop(aspect, None)
        got.pop(aspect, None)
    return different(path, wanted, got)


def _configs(measured: Mapping[str, Any], image: Image) -> str | None:
    ours = image.config.get("config", {})
    for name in _CONFIG:
        wanted, got = measured.get(name) or None, ours.get(name) or None
        if name == "Labels":
            wanted = {k: v for k, v in (wanted or {}).items() if k != _OWN_LABEL} or None
        if name == "WorkingDir":
            wanted, got = wanted or "/", got or "/"
        if name == "Env":
            wanted, got = sorted(wanted or ()), sorted(got or ())
        if wanted != got:
            return different(name, wanted, got)
    return None
