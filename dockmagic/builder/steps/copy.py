"""COPY: files of the context, of the Dockerfile, of a stage or of an image land in a fresh writable layer."""

from __future__ import annotations

import os
import posixpath
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from dockmagic.builder import chown, globs
from dockmagic.builder.actions import CopyAction
from dockmagic.builder.context import Selection
from dockmagic.builder.steps.site import Site
from dockmagic.errors import DockmagicError, NotFoundError, UsageError
from dockmagic.store.layer_rows import LayerRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """Paths in the layers of a stage or an image.

    Attributes:
        below: DiffIDs of these layers, base first.
        paths: absolute, in order.
        single_file: there is one, it is no directory, and it was named without a wildcard.
        digest: of their content, modes and owners.
    """

    below: tuple[str, ...]
    paths: tuple[str, ...]
    single_file: bool
    digest: str


Source = Selection | Picked


def pick(site: Site, below: tuple[str, ...], sources: Sequence[str]) -> Picked:
    """Find what COPY --from names.

    Raises:
        NotFoundError: a source is not there.
    """
    lowers = list(site.lowers(below))
    paths = tuple(path for source in sources for path in _matching(site, lowers, source))
    plain = len(paths) == 1 and len(sources) == 1 and not globs.has_meta(sources[0])
    return Picked(
        below=below,
        paths=paths,
        single_file=plain and _kind(site, lowers, paths[0]) != "d",
        digest=" ".join(site.call("digest", {"lowers": lowers, "path": path})["digest"] for path in paths),
    )


def _matching(site: Site, lowers: list[str], source: str) -> list[str]:
    """The paths that a source means, bytewise in order; a wildcard is matched name by name."""
    # As Go's path.Join("/", source): nothing leads out of the root.
    wanted = posixpath.normpath(posixpath.join("/", source)).lstrip("/")
    found = ["/"]
    for part in wanted.split("/") if wanted not in {"", "."} else []:
        found = [path for directory in found for path in _children(site, lowers, directory, part)]
    if not found:
        raise NotFoundError(
            f'COPY --from: "{source}" is not there', hint="a path is taken from the root of that stage or image"
        )
    return found


def _children(site: Site, lowers: list[str], directory: str, part: str) -> list[str]:
    if not globs.has_meta(part):
        path = posixpath.join(directory, part)
        return [path] if lowers and site.call("stat", {"lowers": lowers, "path": path}) is not None else []
    glob = globs.Glob(part)
    try:
        names = site.call("list", {"lowers": lowers, "path": directory})["names"] if lowers else []
    except NotFoundError:
        return []
    return [posixpath.join(directory, name) for name in names if glob.matches(name)]


def _kind(site: Site, lowers: list[str], path: str) -> str:
    found = site.call("stat", {"lowers": lowers, "path": path})
    return "" if found is None else str(found["kind"])


def copy(site: Site, action: CopyAction, source: Source) -> LayerRecord | None:
    """Execute a COPY; None where nothing changed.

    Raises:
        UsageError: a file meets a directory or the other way round, or there is no such user in the image.
        NotFoundError: a source is gone.
    """
    arguments: dict[str, Any] = {
        "lowers": list(site.lowers()),
        "dest": action.destination,
        "dest_is_dir": action.is_directory,
        "single_file": source.single_file,
        "chown": list(_owner(site, action)) if action.chown else None,
        "chmod": action.mode,
    }
    with site.writable() as made:
        arguments["upper"] = made.upper
        try:
            found = _land(site, arguments, source)
        except UsageError as error:
            raise UsageError(f"COPY: {error.message}", hint=error.hint, detail=error.detail) from None
        return site.adopt(made, found["owners"])


def _owner(site: Site, action: CopyAction) -> tuple[int, int]:
    passwd, group = site.accounts() if chown.needs_files(action.chown) else ("", "")
    return chown.owner(action.chown, passwd, group)


def _land(site: Site, arguments: Mapping[str, Any], source: Source) -> Any:
    if isinstance(source, Picked):
        lowers = list(site.lowers(source.below))
        sources = [{"lowers": lowers, "path": path} for path in source.paths]
        return site.call("copy", {**arguments, "sources": sources})
    return land_selection(site, arguments, source)


def land_selection(site: Site, arguments: Mapping[str, Any], selection: Selection) -> Any:
    """Write the tar from a thread while the job reads it: nothing of it is kept twice."""
    read, write = os.pipe()
    failures: list[BaseException] = []

    def send() -> None:
        try:
            selection.write_tar(write)
        except BrokenPipeError:
            pass  # the job has ended and says why
        except BaseException as error:  # noqa: BLE001 - it is raised where the job is waited for
            failures.append(error)
        finally:
            os.close(write)

    sender = threading.Thread(target=send, name="dockmagic-copy")
    sender.start()
    try:
        return site.call("copy", arguments, [read])
    except DockmagicError:
        _end(read, sender)
        read = -1
        if failures:
            raise failures[0] from None
        raise
    finally:
        _end(read, sender)


def _end(read: int, sender: threading.Thread) -> None:
    """Close the pipe, so that a sender without a reader stops, and wait for it."""
    if read >= 0:
        with suppress(OSError):
            os.close(read)
    sender.join()
