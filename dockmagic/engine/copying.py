"""``cp``: files and trees between this machine and a container, living or ended."""

from __future__ import annotations

import json
import os
import posixpath
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING

from dockmagic.engine import containers, run
from dockmagic.errors import NotFoundError, UsageError
from dockmagic.sandbox import parcels

if TYPE_CHECKING:
    from dockmagic.engine.session import Session
    from dockmagic.sandbox.runtime import Process
    from dockmagic.sandbox.spec import Exit, Spec
    from dockmagic.store.containers import ContainerRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What a copy did.

    Attributes:
        entries: files, directories and links that were made.
        left_out: names of what is none of these.
    """

    entries: int
    left_out: tuple[str, ...] = ()


def cp(session: Session, source: str, destination: str) -> Copied:
    """Copy as docker's cp does: ``NAME:PATH`` is in a container, anything else on this machine.

    Into a container everything belongs to root; out of it, to this user, without set-user-ID bits. Modes and links are kept.

    Raises:
        UsageError: not exactly one side is in a container, or something is in the way.
        NotFoundError: no such container, or no such path.
        IsolationError: a wall could not be built; nothing was copied.
    """
    outside, inside = _split(source), _split(destination)
    if (outside is None) == (inside is None):
        raise UsageError(
            "cp copies between this machine and a container", hint="cp NAME:/path ./here, or ./here NAME:/path"
        )
    if inside is not None:
        return _into(session, containers.find(session, inside[0]), source, inside[1])
    assert outside is not None  # noqa: S101 - one of them is
    return _out_of(session, containers.find(session, outside[0]), outside[1], destination)


def _split(text: str) -> tuple[str, str] | None:
    """Container and absolute path; None for a path of this machine."""
    name, colon, path = text.partition(":")
    if not colon or not name or text.startswith(("/", ".", "~")) or "/" in name:
        return None
    return name, path if path.startswith("/") else f"/{path}"


def _into(session: Session, row: ContainerRow, source: str, path: str) -> Copied:
    local = os.path.expanduser(source)  # noqa: PTH111 - pathlib drops what ends with /.
    name = os.path.basename(os.path.abspath(local))  # noqa: PTH100, PTH119 - as above
    with tempfile.TemporaryFile() as parcel, tempfile.TemporaryFile() as answer:
        with _told(source):
            parcels.pack(local if local.endswith(("/", "/.")) else os.path.abspath(local), parcel.write)  # noqa: PTH100 - as above
        parcel.seek(0)
        contents = "1" if local.endswith("/.") else "0"
        end = _work(session, row, ("unpack", path, name, contents), parcel, answer)
        answer.seek(0)
        told = json.loads(answer.read() or b'{"error": [5, "the copy was ended", ""]}')
    if "error" in told or end.code:
        number, words, where = told.get("error", (5, "the copy was ended", ""))
        raise _error(number, words, where or path)
    return Copied(entries=told["made"], left_out=tuple(told["left_out"]))


def _out_of(session: Session, row: ContainerRow, path: str, destination: str) -> Copied:
    local = os.path.expanduser(destination)  # noqa: PTH111 - as above
    target = os.path.abspath(local) + ("/" if local.endswith("/") else "")  # noqa: PTH100 - as above
    with tempfile.TemporaryFile() as parcel:
        with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a device
            _work(session, row, ("pack", path), nothing, parcel)
        parcel.seek(0)
        name = posixpath.basename(posixpath.normpath(path)) or "root"
        with _told(path):
            made, left_out = parcels.unpack(parcel.read, target, name=name, contents=path.endswith("/."))
    return Copied(entries=made, left_out=tuple(left_out))


def _work(session: Session, row: ContainerRow, task: tuple[str, ...], source: IO[bytes], sink: IO[bytes]) -> Exit:
    """Run our own code in the container, as its root: beside its processes, or alone."""
    spec = replace(run.spec_of(session, row), task=task, init=False)
    with open(os.devnull, "wb") as nothing:  # noqa: PTH123 - a device
        streams = {"stdin": source.fileno(), "stdout": sink.fileno(), "stderr": nothing.fileno()}
        if row.status == containers.RUNNING:
            return _waited(lambda: session.runtime.join(row.pid, row.birth, spec, **streams))
        return _alone(session, row, spec, streams)


def _alone(session: Session, row: ContainerRow, spec: Spec, streams: dict[str, int]) -> Exit:
    def start() -> Process:
        process = session.runtime.start(spec, **streams)
        session.store.containers.started(row.id, pid=process.pid, birth=process.birth)
        return process

    owners = {}
    try:
        end = _waited(start)
        owners = _recorded(session, spec, dict(end.owners))
    finally:
        session.store.containers.ended(row.id, exit_code=row.exit_code or 0, owners=owners)
    return end


def _recorded(session: Session, spec: Spec, owners: dict[str, list[int]]) -> dict[str, list[int]]:
    """Where only one id is mapped: what came is root's from now on, not whose process runs next."""
    if session.runtime.isolation.ids != "single":
        return owners
    arguments = {
        "upper": spec.upper,
        "lowers": list(spec.lowers),
        "owner": [0, 0],
        "owners": {**spec.owners, **owners},
    }
    found: dict[str, list[int]] = session.call("stamp", arguments)["owners"]
    return found


def _waited(start: Callable[[], Process]) -> Exit:
    process = start()
    try:
        end = process.wait()
    finally:
        process.close()
    if end is None:
        raise UsageError("the copy was lost")
    return end


@contextmanager
def _told(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _error(
            error.errno or 0, error.strerror or str(error), os.fsdecode(error.filename or "") or path
        ) from None
    except (ValueError, KeyError, TypeError, StopIteration):
        raise UsageError(f"cp {path}: what came is damaged") from None


def _error(number: int, words: str, path: str) -> UsageError | NotFoundError:
    kind = NotFoundError if number == 2 else UsageError  # noqa: PLR2004 - ENOENT
    return kind(f"cp: {words[:1].lower()}{words[1:]}", detail=path)
