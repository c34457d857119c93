"""COPY and ADD: files of the context, of the Dockerfile, of a stage, of an image or from elsewhere land in a fresh writable layer."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from dockmagic.builder import chown
from dockmagic.builder.archives import Archive
from dockmagic.builder.context import Selection
from dockmagic.builder.selection import changed
from dockmagic.builder.steps.picking import Picked
from dockmagic.builder.steps.site import Site
from dockmagic.builder.transfers import SLASH_WANTED, CopyAction
from dockmagic.errors import ArchiveError, DockmagicError, UsageError
from dockmagic.store.layer_rows import LayerRecord
from dockmagic.store.piping import wide_pipe

Source = Selection | Picked | Archive
Adopt = Callable[..., LayerRecord | None]
Found = TypeVar("Found")


def copy(site: Site, action: CopyAction, sources: Sequence[Source]) -> tuple[LayerRecord | None, tuple[str, ...]]:
    """Execute a COPY or an ADD.

    Returns:
        The layer, None where nothing changed; and what was left out.

    Raises:
        UsageError: a file meets a directory or the other way round, an archive is damaged, or there is no such user in the image.
        NotFoundError: a source is gone.
    """
    lowers = () if action.link else site.lowers()
    notes: tuple[str, ...] = ()
    if _needs_directory(action, sources) and not _is_directory(site, lowers, action.destination):
        sources, notes = _over_each_other(action, sources)
    arguments: dict[str, Any] = {
        "lowers": list(lowers),
        "dest": action.destination,
        "dest_is_dir": action.is_directory or action.into_directory,
        "chown": list(owner(site, action)) if action.chown else None,
        "chmod": action.chmod,
    }
    owners: dict[str, Any] = {}
    left_out: list[str] = []
    with site.writable() as made:
        arguments["upper"] = made.upper
        adopt = partial(site.adopt, made, owners, lowers=lowers)
        try:
            last = next((source for source in sources[-1:] if not isinstance(source, Archive) and source.lands), None)
            for source in sources if last is None else sources[:-1]:
                landed = _land(site, arguments, source)
                owners |= landed["owners"]
                left_out += landed.get("left_out", ())
            layer = adopt() if last is None else _land_last(site, arguments, last, adopt)
        except (UsageError, ArchiveError) as error:
            raise UsageError(f"{action.keyword}: {error.message}", hint=error.hint, detail=error.detail) from None
        return layer, (*notes, *(_note(path) for path in left_out))


def _needs_directory(action: CopyAction, sources: Sequence[Source]) -> bool:
    """Several files land, and the destination does not say that it is a directory."""
    found = any(not isinstance(source, Archive) and source.several for source in sources)
    return action.into_directory or (found and not action.is_directory and not action.parents)


def _over_each_other(action: CopyAction, sources: Sequence[Source]) -> tuple[Sequence[Source], tuple[str, ...]]:
    """What stays of several files that one wildcard finds where they have no directory: as for BuildKit the last.

    Raises:
        UsageError: there are several sources, or one is a directory.
    """
    kept: list[Source] = []
    for source in sources:
        last = source if isinstance(source, Archive) or not source.several else source.last
        if action.into_directory or last is None:
            raise UsageError(f"{action.keyword} {SLASH_WANTED}")
        kept.append(last)
    note = f"{action.keyword} writes several files over each other: {action.destination} is the last; a / at its end keeps all"
    return kept, (note,)


def _is_directory(site: Site, lowers: Sequence[str], path: str) -> bool:
    found = site.call("stat", {"lowers": list(lowers), "path": path}) if lowers else None
    return found is not None and found["kind"] == "d"


def _note(path: str) -> str:
    return f"ADD leaves the device {path} of the archive out"


def owner(site: Site, action: CopyAction) -> tuple[int, int]:
    """Whose everything becomes, where ``--chown`` says so.

    Raises:
        UsageError: there is no such user or group in the image.
    """
    passwd, group = site.accounts() if chown.needs_files(action.chown) else ("", "")
    return chown.owner(action.chown, passwd, group)


def _land(site: Site, arguments: Mapping[str, Any], source: Source) -> Any:
    if isinstance(source, Archive):
        return _extract(site, arguments, source)
    if not source.lands:
        return {"owners": {}}
    given, sent = _told(site, arguments, source)
    return site.call("copy", given) if sent is None else land_selection(site, given, sent)


def _land_last(
    site: Site, arguments: Mapping[str, Any], source: Selection | Picked, adopt: Adopt
) -> LayerRecord | None:
    """Land and adopt by one job, which knows what it has written."""
    given, sent = _told(site, arguments, source)
    return adopt(last=given) if sent is None else _piped(lambda read: adopt(last=given, fds=[read]), sent.send)


def _told(
    site: Site, arguments: Mapping[str, Any], source: Selection | Picked
) -> tuple[Mapping[str, Any], Selection | None]:
    """The arguments of a job, and what it is sent, if anything."""
    given = {**arguments, "single_file": source.single_file}
    if isinstance(source, Selection):
        return given, source
    if not source.below:
        return given, Selection(())
    lowers = list(site.lowers(source.below))
    picks = [
        {"lowers": lowers, "path": pick.path, "only": pick.only, "special": source.special} for pick in source.picks
    ]
    return {**given, "sources": picks}, None


def land_selection(site: Site, arguments: Mapping[str, Any], selection: Selection) -> Any:
    """Send the selection while the job lands it: nothing of it is kept twice."""
    return _piped(lambda read: site.call("copy", arguments, [read]), selection.send)


def _extract(site: Site, arguments: Mapping[str, Any], archive: Archive) -> Any:
    def send(out: int) -> None:
        state = hashlib.sha256()
        with os.fdopen(out, "wb", closefd=False) as file:
            for chunk in archive.content.chunks():
                state.update(chunk)
                file.write(chunk)
        if f"sha256:{state.hexdigest()}" != archive.digest:
            raise changed("an archive")

    return _piped(lambda read: site.call("extract", arguments, [read]), send)


def _piped(job: Callable[[int], Found], write: Callable[[int], None]) -> Found:
    """Run a job that reads from a descriptor what ``write`` writes, from a thread."""
    read, out = wide_pipe()
    failures: list[BaseException] = []

    def send() -> None:
        try:
            write(out)
        except BrokenPipeError:
            pass  # the job has ended, and said why if it should not
        except BaseException as error:  # noqa: BLE001 - it is raised where the job is waited for
            failures.append(error)
        finally:
            os.close(out)

    sender = threading.Thread(target=send, name="dockmagic-copy")
    sender.start()
    try:
        found = job(read)
    except DockmagicError:
        read = _end(read, sender)
        if failures:
            raise failures[0] from None
        raise
    finally:
        _end(read, sender)
    if failures:
        raise failures[0]
    return found


def _end(read: int, sender: threading.Thread) -> int:
    """Close the pipe, so that a sender without a reader stops, and wait for it."""
    if read >= 0:
        with suppress(OSError):
            os.close(read)
    sender.join()
    return -1
