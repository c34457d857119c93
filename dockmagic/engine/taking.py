"""Files of a container by value, as they stand after its process has ended (``--get``)."""

from __future__ import annotations

import posixpath
import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dockmagic.engine import containers
from dockmagic.errors import DockmagicError, NotFoundError, UsageError
from dockmagic.exchange.limits import ENTRIES, SIZE, size_told
from dockmagic.exchange.taken import Files
from dockmagic.sandbox.spec import Bind, Mount, Spec

if TYPE_CHECKING:
    from dockmagic.engine.session import Session
    from dockmagic.store.containers import ContainerRow


def checked(paths: Sequence[str]) -> tuple[str, ...]:
    """The paths, all absolute.

    Raises:
        UsageError: one is not.
    """
    for path in paths:
        if not path.startswith("/"):
            raise UsageError(f"--get {path}: the path must be absolute")
    return tuple(paths)


def take(
    session: Session, row: ContainerRow | None, paths: Sequence[str], spec: Spec
) -> tuple[dict[str, Files], DockmagicError | None]:
    """The content of each path, and why the first of those that are missing is missing.

    Args:
        session: what it works on.
        row: the container; it may live; None where it was removed meanwhile.
        paths: absolute, in the container.
        spec: what it had mounted: what stands in its volumes is read there; what is in a directory of this machine is not the
            container's.
    """
    files: dict[str, Files] = {}
    missing: DockmagicError | None = None
    if row is None:
        return files, NotFoundError("--get: the container was removed meanwhile") if paths else None
    left = SIZE
    for path in paths:
        try:
            files[path] = found = _fetch(session, _stack(session, row, path, spec), left)
        except (NotFoundError, UsageError) as error:
            missing = missing or _told(path, error, [bind.target for bind in spec.binds])
        else:
            left -= len(found) if isinstance(found, bytes) else sum(map(len, found.values()))
    return files, missing


def _stack(session: Session, row: ContainerRow, path: str, spec: Spec) -> tuple[list[str], str]:
    """The directories that a path is looked up in, top first, and the path in them."""
    mounted: tuple[Mount | Bind, ...] = (*spec.mounts, *spec.binds)
    above = [mount for mount in mounted if f"{path}/".startswith(f"{mount.target}/")]
    inner = max(above, key=lambda mount: len(mount.target), default=None)
    if isinstance(inner, Mount) and inner.kind == "directory":
        return [inner.directory], posixpath.join(inner.source, path[len(inner.target) :].lstrip("/"))
    return [containers.upper(row), *containers.lowers(session, row)], path


def _fetch(session: Session, place: tuple[list[str], str], left: int) -> Files:
    lowers, path = place
    arguments = {"lowers": lowers, "path": path, "limit": left, "count": ENTRIES}
    with tempfile.TemporaryFile() as out:
        found = session.call("fetch", arguments, [out.fileno()])
        out.seek(0)
        contents = {name: out.read(size) for name, size in found["entries"]}
    return contents if found["kind"] == "d" else contents[""]


def _told(path: str, error: DockmagicError, volumes: Sequence[str]) -> DockmagicError:
    hint = error.hint
    if "too large" in error.message:
        hint = f"files by value may have {size_told(SIZE)} together; let the script write into -v ./data:/data"
    if any(path == volume or path.startswith(f"{volume.rstrip('/')}/") for volume in volumes):
        hint = "what a script writes into a volume is on this machine already"
    return type(error)(f"--get {path}: {error.message}", hint=hint)
