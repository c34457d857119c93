"""What dockmagic, Docker and buildah make of the same Dockerfiles: root file systems and configs, side by side. Run by hand, as root.

    mmdebstrap --variant=minbase bookworm /tmp/minbase.tar /etc/apt/sources.list.d/debian.sources
    python benchmarks/compare_builds.py /tmp/minbase.tar [--docker unix:///…/docker.sock] [--buildah] [NAME…]

The Dockerfiles are those of ``tests/integration/dockerfiles``, all of them or the ones that are named. Docker builds with BuildKit on the host's
network, buildah with ``--isolation chroot``; neither is wanted by a test of dockmagic. ``heredocs/plain`` says what ``heredocs`` says, for engines
that are older than here-documents: that is what it is compared with.

Compared are, of every path: type, mode, owner, link target, device numbers, extended attributes, content, and which paths are one file; of
the config: everything but its history and times. Times are left out, for every time in dockmagic's layers is the build's own. What differs is
printed as ``- theirs`` and ``+ ours``; the exit status is 1 when anything does. RUN sees SOURCE_DATE_EPOCH in dockmagic alone, and some tools write
other files for it; with ``--epoch`` the other engines get the same by an ARG behind each FROM.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import posixpath
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from dockmagic.engine.engine import Engine

DOCKERFILES = Path(__file__).resolve().parent.parent / "tests" / "integration" / "dockerfiles"
NAMES = ("apt-cache", "c-scratch", "heredocs", "node-frontend", "python-app")
BASE = "debian:minbase"
SITE_BASE = "localhost/site-base"
OPAQUE = ".wh..wh..opq"
WHITEOUT = ".wh."
CONFIG = (
    *("Cmd", "Entrypoint", "Env", "ExposedPorts", "Healthcheck", "Labels", "OnBuild", "Shell", "StopSignal"),
    *("User", "Volumes", "WorkingDir"),
)

Tree = dict[str, tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Seen:
    """An image as it is compared: its root file system by path, and its config."""

    tree: Tree
    config: dict[str, object]


@dataclass(frozen=True, slots=True)
class Recipe:
    """A Dockerfile and its context, and the Dockerfile of its base where it has one of its own."""

    name: str
    context: Path
    dockerfile: Path
    base: Path | None

    @property
    def image(self) -> str:
        """The name that the image gets."""
        return f"localhost/compared-{self.name}"


def recipes(name: str) -> tuple[Recipe, Recipe]:
    """The Dockerfile for dockmagic and the one for the other engine: mostly the same."""
    context = DOCKERFILES / name
    found = []
    for folder in (context, context / "plain" if (context / "plain").is_dir() else context):
        base = folder / "base.Dockerfile"
        found.append(Recipe(name, context, folder / "Dockerfile", base if base.exists() else None))
    return found[0], found[1]


class Docker:
    """A Docker engine at a socket."""

    def __init__(self, host: str, archive: Path) -> None:
        self.host = host
        self._run("import", str(archive), BASE)

    def build(self, recipe: Recipe, target: Path) -> None:
        """Build, and save the image as an archive."""
        for name, dockerfile in steps(recipe):
            self._run("build", "--network=host", "-t", name, "-f", str(dockerfile), str(recipe.context))
        self._run("save", "-o", str(target), recipe.image)

    def _run(self, *words: str) -> None:
        execute(["docker", "-H", self.host, *words], DOCKER_BUILDKIT="1", BUILDKIT_PROGRESS="plain")


class Buildah:
    """buildah, with its own store of this user."""

    def __init__(self, archive: Path) -> None:
        container = execute(["buildah", "from", "scratch"]).strip()
        execute(["buildah", "add", container, str(archive), "/"])
        execute(["buildah", "commit", "--rm", container, f"localhost/{BASE}"])

    def build(self, recipe: Recipe, target: Path) -> None:
        """Build, and save the image as an archive."""
        for name, dockerfile in steps(recipe):
            options = [
                "--isolation=chroot",
                "--pull-never",
                "--layers",
                "--format=docker",
                "-t",
                name,
                "-f",
                str(dockerfile),
            ]
            execute(["buildah", "bud", *options, str(recipe.context)])
        target.unlink(missing_ok=True)
        execute(["buildah", "push", recipe.image, f"docker-archive:{target}"])


def steps(recipe: Recipe) -> Iterator[tuple[str, Path]]:
    """What is to be built, in its order: (name, Dockerfile)."""
    if recipe.base is not None:
        yield SITE_BASE, recipe.base
    yield recipe.image, recipe.dockerfile


def with_epoch(recipe: Recipe, scratch: Path, epoch: int) -> Recipe:
    """The recipe, its RUNs with SOURCE_DATE_EPOCH, its Dockerfiles in a folder of their own."""
    written = []
    for source in filter(None, (recipe.dockerfile, recipe.base)):
        argument = rf"\g<0>\nARG SOURCE_DATE_EPOCH={epoch}"
        text = re.sub(r"^FROM .*$", argument, source.read_text(), flags=re.MULTILINE)
        ignore = recipe.context / ".dockerignore"
        written.append(scratch / source.name)
        written[-1].write_text(text)
        Path(f"{written[-1]}.dockerignore").write_text(ignore.read_text() if ignore.exists() else "")
    return replace(recipe, dockerfile=written[0], base=written[1] if recipe.base else None)


def execute(argv: list[str], **variables: str) -> str:
    """Run a command; what it printed on standard output."""
    done = subprocess.run(
        argv, env={**os.environ, **variables}, capture_output=True, text=True, timeout=900, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(argv)}: exit code {done.returncode}\n{done.stderr[-3000:]}")
    return done.stdout


def ours(engine: Engine, recipe: Recipe) -> Seen:
    """Build with dockmagic."""
    for name, dockerfile in steps(recipe):
        built = engine.build(dockerfile.read_text(), context=recipe.context, tags=name)
    store, tree = engine.session.store, Tree()
    for layer in built.image.layers:
        with tempfile.TemporaryFile() as file:
            store.layers.pack(layer.diff_id, file.fileno())
            file.seek(0)
            put_layer(tree, file)
    return Seen(finished(tree), store.images.get(built.image.id).config.to_dict()["config"])


def theirs(archive: Path) -> Seen:
    """What an archive of ``docker save`` holds."""
    with tarfile.open(archive) as tar:
        read: Callable[[str], io.BufferedIOBase] = tar.extractfile
        manifest = json.load(read("manifest.json"))[0]
        tree = Tree()
        for name in manifest["Layers"]:
            put_layer(tree, read(name))
        return Seen(finished(tree), json.load(read(manifest["Config"]))["config"])


def put_layer(tree: Tree, file: io.BufferedIOBase) -> None:
    """Lay a layer on a tree, by the rules of the OCI image specification."""
    fresh = Tree()
    with tarfile.open(fileobj=file) as tar:
        for member in tar:
            path = absolute(member.name)
            folder, _, name = path.rpartition("/")
            if name == OPAQUE:
                drop(tree, folder, itself=False)
            elif name.startswith(WHITEOUT):
                drop(tree, f"{folder}/{name.removeprefix(WHITEOUT)}", itself=True)
            else:
                if not member.isdir():
                    drop(tree, path, itself=True)
                fresh[path] = entry(tar, member, fresh)
    tree |= fresh


def absolute(name: str) -> str:
    """A member's name as a path from the root."""
    return posixpath.normpath(f"/{name.lstrip('/')}")


def drop(tree: Tree, path: str, *, itself: bool) -> None:
    """Forget what is below a path."""
    for known in [known for known in tree if known.startswith(f"{path}/") or (itself and known == path)]:
        del tree[known]


def entry(tar: tarfile.TarFile, member: tarfile.TarInfo, tree: Tree) -> tuple[object, ...]:
    """What is compared of a path; a hard link has what its file has, and its name."""
    if member.islnk():
        target = absolute(member.linkname)
        return (*tree[target][:-1], target)
    content = hashlib.sha256(tar.extractfile(member).read()).hexdigest() if member.isfile() else ""
    attributes = tuple(sorted((k, v) for k, v in member.pax_headers.items() if k.startswith("SCHILY.xattr.")))
    device = (member.devmajor, member.devminor) if member.isdev() and not member.isfifo() else ()
    kind = {tarfile.AREGTYPE: "file", tarfile.REGTYPE: "file", tarfile.DIRTYPE: "directory", tarfile.SYMTYPE: "link"}
    name = absolute(member.name) if member.isfile() else ""
    linkname = member.linkname if member.issym() else ""
    owner = f"{member.uid}:{member.gid}"
    return (
        kind.get(member.type, repr(member.type)),
        f"{member.mode & 0o7777:04o}",
        owner,
        linkname,
        device,
        attributes,
        content,
        name,
    )


def finished(tree: Tree) -> Tree:
    """The tree, its hard links as the set of paths that are one file, whichever of them an engine wrote first."""
    groups: dict[object, list[str]] = {}
    for path, value in tree.items():
        if value[-1]:
            groups.setdefault(value[-1], []).append(path)
    names = {path: tuple(sorted(group)) for group in groups.values() if len(group) > 1 for path in group}
    return {path: (*value[:-1], names.get(path, ())) for path, value in tree.items() if path != "/"}


def differences(first: Seen, second: Seen) -> Iterator[str]:
    """Lines, ``-`` for the first and ``+`` for the second; of a path that both have, the fields that differ."""
    for path in sorted({*first.tree, *second.tree}):
        one, two = first.tree.get(path), second.tree.get(path)
        if one and two:
            fields = [number for number, value in enumerate(one) if value != two[number]]
            one, two = (tuple(value[number] for number in fields) for value in (one, two))
        yield from lines(path, one, two)
    for key in CONFIG:
        yield from lines(key, *(seen.config.get(key) or None for seen in (first, second)))


def lines(what: str, first: object, second: object) -> Iterator[str]:
    """Both sides, where they differ."""
    if first != second:
        yield from (f"{mark} {what} {value}" for mark, value in (("-", first), ("+", second)) if value is not None)


def main() -> int:
    """Build and compare; 1 when anything differs."""
    parser = argparse.ArgumentParser(description="compare what builders make of the same Dockerfiles")
    parser.add_argument("archive", type=Path, help="a tar of a Debian minbase")
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--docker", metavar="HOST", help="address of a Docker engine")
    parser.add_argument("--buildah", action="store_true")
    parser.add_argument("--epoch", action="store_true", help="give SOURCE_DATE_EPOCH to RUN everywhere")
    parser.add_argument("--home", type=Path, help="a store of dockmagic to build in; by default one for this run")
    options = parser.parse_intermixed_args()
    others: dict[str, Docker | Buildah] = {}
    if options.docker:
        others["docker"] = Docker(options.docker, options.archive)
    if options.buildah:
        others["buildah"] = Buildah(options.archive)
    found = 0
    with tempfile.TemporaryDirectory() as scratch:
        engine = Engine(options.home or Path(scratch) / "home")
        engine.import_(options.archive, BASE)
        for name in options.names:
            mine, plain = recipes(name)
            built = ours(engine, mine)
            for other, builder in others.items():
                recipe = with_epoch(plain, Path(scratch), engine.session.epoch) if options.epoch else plain
                builder.build(recipe, Path(scratch) / "image.tar")
                told = list(differences(theirs(Path(scratch) / "image.tar"), built))
                print(f"{name}: dockmagic and {other}: {len(built.tree)} paths, {len(told)} lines differ")
                print("".join(f"  {line}\n" for line in told), end="", flush=True)
                found += len(told)
        engine.close()
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
