"""The runtime whose containers are built by a launch server: the client's side of ``sandbox.server``."""

from __future__ import annotations

import json
import os
import secrets
import socket
import stat
import threading
from collections.abc import Sequence
from errno import EACCES, EINVAL, ENOTSUP, EPERM
from pathlib import Path
from typing import Any

from dockmagic.errors import DockmagicError, IsolationError, UsageError
from dockmagic.sandbox import identity, replies, volumes, wire
from dockmagic.sandbox.client import LaunchedProcess, begun
from dockmagic.sandbox.ids import Scheme
from dockmagic.sandbox.kernel import is_before
from dockmagic.sandbox.server_process import ServerProcess
from dockmagic.sandbox.spec import MOST_LAYERS, NETWORK_PROGRAMS, Isolation, Spec
from dockmagic.sandbox.wiring import wires

_DIRECTORIES = ("snapshots", "containers", "tmp", "work", "mnt")
# How notes begin that tell of a wall with a gap.
_WEAKER = ("processes visible", "outer host name")
_ONE_ID = "one id: permissions between the users of an image are not enforced"
_IN_MEMORY = "writable layers are kept in memory: the disk of the store is an overlay or a network file system"
_FORGETFUL = (
    "memory keeps no attributes before Linux 6.6: a directory of the image cannot be removed there, and rm says EIO"
)

_SEEN_AGAIN = (
    "what a layer deletes is seen again: before Linux 6.7 that takes devices, which the store's disk refuses; "
    "DOCKMAGIC_HOME on another disk helps"
)


class LaunchedRuntime:
    """Containers and jobs of one store in one id scheme.

    Args:
        roots: the store's directory of roots.
        scheme: how ids are mapped.
        refused: why better schemes do not work here.

    Raises:
        IsolationError: this host does not allow the walls.
    """

    SERVER = ServerProcess

    def __init__(self, roots: Path, scheme: Scheme, *, refused: Sequence[str] = ()) -> None:
        self.scheme = scheme.name
        self._ids = scheme
        self._root = roots / scheme.name
        self._lock = threading.Lock()
        self._server: ServerProcess | None = None
        self._covered = False
        self._network_lock = threading.Lock()
        self._networks: dict[tuple[str, ...], str | IsolationError] = {}
        _prepare(roots, self._root, scheme)
        try:
            notes = self._try()
        except BaseException:
            self.close()
            raise
        if scheme.single:
            notes = (_ONE_ID, *(f"no range of ids: {reason}" for reason in refused), *notes)
        weaker = scheme.single or any(note.startswith(_WEAKER) for note in notes)
        self._isolation = Isolation(
            tier="T1" if weaker or self._covered else "T0", ids="single" if scheme.single else "range", notes=notes
        )

    @property
    def isolation(self) -> Isolation:
        return self._isolation

    def start(self, spec: Spec, *, stdin: int, stdout: int, stderr: int) -> LaunchedProcess:
        if len(spec.lowers) > MOST_LAYERS:
            hint = "COPY --from=IMAGE / / onto scratch makes one layer of all"
            raise UsageError(
                f"an image of more than {MOST_LAYERS} layers cannot be run: overlayfs takes no more", hint=hint
            )
        return self._start(spec, [stdin, stdout, stderr], {"do": "start"}, self._isolation.notes)

    def join(self, pid: int, birth: int, spec: Spec, *, stdin: int, stdout: int, stderr: int) -> LaunchedProcess:
        from dockmagic.sandbox.joining import join  # noqa: PLC0415 - rarely needed

        upper = self._in_memory(pid, birth, spec.upper) if self._covered else -1
        try:
            return join(pid, birth, spec, [stdin, stdout, stderr], scheme=self._ids, root=self._root, upper=upper)
        finally:
            if upper >= 0:
                os.close(upper)

    @property
    def in_memory(self) -> bool:
        return self._covered

    def elsewhere(self, pid: int, birth: int, path: str) -> int | None:
        if not self._covered:
            return None
        own = self._own(path)
        if own is None:
            return _beside(pid, birth, path)
        os.close(own)
        return None

    def _in_memory(self, pid: int, birth: int, upper: str) -> int:
        """A descriptor of a writable layer that only a launch server sees, ours or another's.

        Raises:
            IsolationError: it cannot be reached.
        """
        found = self._own(upper)
        if found is None:
            found = _beside(pid, birth, upper)
        if found is None:
            raise IsolationError(
                "a container whose writable layer is in another kernel's memory cannot be entered from here",
                operation="writable layer",
                hint="exec it in the notebook that started it",
            )
        return found

    def _own(self, path: str) -> int | None:
        """A descriptor of a directory in our server's memory."""
        with self._lock:
            _, descriptors = self._living().ask_whole({"do": "open", "path": path})
        return descriptors[0] if descriptors else None

    def private_network(self, programs: Sequence[str] = NETWORK_PROGRAMS) -> str:
        with self._network_lock:
            answer = self._networks.get(tuple(programs))
            if answer is None:
                try:
                    answer = self._trial(network="private", programs=tuple(programs))[1]
                except IsolationError as refusal:
                    answer = refusal
                self._networks[tuple(programs)] = answer
        if isinstance(answer, IsolationError):
            raise answer
        return answer

    def call(self, job: str, arguments: dict[str, Any], fds: Sequence[int] = ()) -> Any:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with ours:
            with theirs:
                self._send({"do": "job", "job": job, "arguments": arguments}, [theirs.fileno(), *fds])
            length = _read(ours, 8)
            packed = _read(ours, int.from_bytes(length, "big")) if length else b""
        if not packed:
            raise DockmagicError(f'the job "{job}" ended without an answer')
        answer = json.loads(packed)
        if "result" in answer:
            return answer["result"]
        return replies.raise_failure(answer, f'the job "{job}"')

    def close(self) -> None:
        with self._lock:
            server, self._server = self._server, None
        if server is not None:
            server.close()

    def _try(self) -> tuple[str, ...]:
        """Build a container that runs nothing; what was weaker than it should be."""
        try:
            return self._trial()[0]
        except IsolationError as error:
            # EACCES: on NFS the kernel may not look into the directory that it has made for the overlay's work.
            if error.errno not in {EINVAL, EACCES} or error.operation != "overlay on /":
                raise
            self._covered = True
            wire_answer = self._ask({"do": "cover"})
            if "covered" not in wire_answer:
                replies.raise_told(wire_answer)
            if not self._ids.single:
                self._need_owners()
        notes = (*self._trial()[0], _IN_MEMORY, *self._forgetful())
        return notes if self._deletes() else (*notes, _SEEN_AGAIN)

    def _deletes(self) -> bool:
        """The store's disk takes the mark of a deletion in a form that this kernel knows."""
        if not is_before(os.uname().release, (6, 7)):
            return True
        mark = self._root / "tmp" / f"trial-{secrets.token_hex(8)}"
        try:
            os.mknod(mark, stat.S_IFCHR)
        except OSError:
            return False
        mark.unlink()
        return True

    def _forgetful(self) -> tuple[str, ...]:
        """What writable layers in memory cannot do on this kernel."""
        tree = f"containers/trial-{secrets.token_hex(8)}"
        try:
            self.call("mkdir", {"paths": [tree], "owner": [1, 1], "single": True})
        except OSError as error:
            if error.errno != ENOTSUP:
                raise
            return (_FORGETFUL,)
        finally:
            self.call("remove", {"path": tree})
        return ()

    def _need_owners(self) -> None:
        """See that the store's disk takes files of every owner: a layer made in memory is copied there. NFS lets nobody give files away."""
        tree = f"tmp/trial-{secrets.token_hex(8)}"
        try:
            self.call("mkdir", {"paths": [tree], "owner": [1, 1]})
        except PermissionError as error:
            raise IsolationError(
                "the store's disk takes no files of other owners",
                operation="chown on the store's disk",
                errno=error.errno or EPERM,
                hint="set DOCKMAGIC_HOME to a directory on a disk of this machine",
            ) from error
        finally:
            self.call("remove", {"path": tree})

    def _trial(self, **settings: Any) -> tuple[tuple[str, ...], str]:
        """Build a container that runs nothing: what was weaker than it should be, and the program of its network."""
        name = f"containers/trial-{secrets.token_hex(8)}"
        spec = Spec(lowers=(), upper=f"{name}/upper", work=f"{name}/work", argv=(), **settings)
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        try:
            process = self._start(spec, [null, null, null], {"do": "start", "trial": True}, ())
        finally:
            os.close(null)
        end = process.wait()
        process.close()
        return end.notes if end is not None else (), process.network

    def _start(self, spec: Spec, stdio: list[int], request: dict[str, Any], common: tuple[str, ...]) -> LaunchedProcess:
        told = spec.to_json()
        told["binds"] = volumes.all_checked(spec.binds, self._root.parent.parent)
        contents = wire.memory_file(*spec.contents())
        channel, theirs = wire.pair()
        server: ServerProcess | None = None
        try:
            with wires(spec, self._ids) as opened:
                server = self._server_of_peer(spec)
                with theirs:
                    message = {**request, "spec": told, "wiring": opened.message}
                    self._send(message, [contents, theirs.fileno(), *stdio, *opened.descriptors], server)
                ports = opened.ports
            began = begun(channel, told["binds"])
        except BaseException:
            channel.close()
            theirs.close()
            if server is not None:
                server.close()
            raise
        finally:
            os.close(contents)
        return LaunchedProcess(channel, began, common, ports=ports, finish=server.close if server else None)

    def _server_of_peer(self, spec: Spec) -> ServerProcess | None:
        """One more launch server, in the user namespace of the container whose network is shared: only there can it be entered.

        None where that is our server's. Where writable layers are in memory there is none: each is in one server's alone.
        """
        if spec.peer is None or self._covered:
            return None
        held = _of_monitor(*spec.peer, "ns/user")
        if held is None:
            return None
        try:
            with self._lock:
                own = Path(f"/proc/{self._living().pid}/ns/user").stat()
            if os.fstat(held).st_ino == own.st_ino:
                return None
            return self.SERVER(self._root, self._ids, held)
        finally:
            os.close(held)

    def _send(self, message: dict[str, Any], descriptors: Sequence[int], other: ServerProcess | None = None) -> None:
        if other is not None:
            wire.send(other.control, message, descriptors)
            return
        with self._lock:
            server = self._living()
            try:
                wire.send(server.control, message, descriptors)
            except OSError:  # it has ended since; its containers with it
                server.close()
                self._server = None
                wire.send(self._living().control, message, descriptors)

    def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            return self._living().ask(message)

    def _living(self) -> ServerProcess:
        if self._server is None or self._server.owner != os.getpid():
            self._server = self.SERVER(self._root, self._ids)
            if self._covered:
                self._server.ask({"do": "cover"})
        return self._server


def _prepare(roots: Path, root: Path, scheme: Scheme) -> None:
    """The scheme's root directory and what stands in it, owned by the scheme's root."""
    roots.mkdir(mode=0o700, parents=True, exist_ok=True)
    for directory in (root, *(root / name for name in _DIRECTORIES)):
        try:
            directory.mkdir(mode=0o700)
        except FileExistsError:
            continue
        os.chown(directory, *scheme.owner)


def _beside(pid: int, birth: int, path: str) -> int | None:
    """A descriptor of a directory in the memory of the server that a living container has: its monitor stands in there."""
    return _of_monitor(pid, birth, f"cwd/{path}", os.O_PATH | os.O_DIRECTORY)


def _of_monitor(pid: int, birth: int, name: str, flags: int = os.O_RDONLY) -> int | None:
    """A descriptor of what /proc has of the monitor of a living container; None where it has ended, or nothing is there."""
    try:
        found = os.open(f"/proc/{identity.parent(pid)}/{name}", flags | os.O_CLOEXEC)
    except OSError:
        return None
    held = identity.open_process(pid, birth)
    if held is None:  # whose parent that was is not known
        os.close(found)
        return None
    os.close(held)
    return found


def _read(channel: socket.socket, size: int) -> bytes:
    """Exactly so many bytes; b"" at an early end."""
    found = bytearray()
    while len(found) < size:
        chunk = channel.recv(min(size - len(found), 1 << 20))
        if not chunk:
            return b""
        found += chunk
    return bytes(found)
