"""What the launch server makes of a request before it forks: plain values that the processes after it share."""

from __future__ import annotations

from dockmagic.sandbox.cgroups import Group
from dockmagic.sandbox.confine import Profile


class Wiring:
    """What a container's network is made of, besides its kind; the client finds it and sends it.

    Attributes:
        programs: (name, path) of programs that may give a private network its way out, best first; [] for no such network.
        tun: descriptor of a mount with the device that they need, -1 for the host's own.
        peer: descriptor of the network namespace to share, -1 for none.
        listeners: (descriptor of a bound socket, protocol, port of the container) of what is published.
    """

    __slots__ = ("listeners", "peer", "programs", "tun")

    def __init__(self, message=None, descriptors: tuple[int, ...] | list[int] = ()) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - JSON
        told = message or {}
        rest = list(descriptors)
        self.programs: list[list[str]] = told.get("programs", [])
        self.peer = rest.pop(0) if told.get("peer") else -1
        self.tun = rest.pop(0) if told.get("tun") else -1
        self.listeners = [(rest.pop(0), protocol, port) for protocol, port in told.get("ports", [])]

    def descriptors(self) -> list[int]:
        """All of them."""
        return [fd for fd in (self.peer, self.tun) if fd >= 0] + [descriptor for descriptor, _, _ in self.listeners]


class Plan:
    """One container to start, or one process to add.

    Attributes:
        spec: ``Spec.to_json()``.
        profile: what its processes may do.
        id_map: lines of uid_map and gid_map for the container's own user namespace, in terms of the outer one.
        stdio: descriptors of stdin, stdout and stderr.
        contents: descriptor of the contents of ``spec["files"]``.
        trees: somebody with more rights makes the mounts of volumes.
        group: the control groups that hold its limits.
        trial: build everything, then end without a program.
        wiring: what a container's network is made of.
    """

    __slots__ = ("contents", "group", "id_map", "profile", "spec", "stdio", "trees", "trial", "wiring")

    def __init__(  # type: ignore[no-untyped-def]
        self,
        spec,  # noqa: ANN001 - JSON, and no typing here
        profile: Profile,
        *,
        id_map: str,
        stdio: list[int],
        contents: int,
        trees: bool,
        group: Group,
        trial: bool,
        wiring: Wiring | None = None,
    ) -> None:
        self.wiring = wiring or Wiring()
        self.spec = spec
        self.profile = profile
        self.id_map = id_map
        self.stdio = stdio
        self.contents = contents
        self.trees = trees
        self.group = group
        self.trial = trial
