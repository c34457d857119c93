"""What the launch server makes of a request before it forks: plain values that the processes after it share."""

from __future__ import annotations

from dockmagic.sandbox.cgroups import Group
from dockmagic.sandbox.confine import Profile


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
    """

    __slots__ = ("contents", "group", "id_map", "profile", "spec", "stdio", "trees", "trial")

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
    ) -> None:
        self.spec = spec
        self.profile = profile
        self.id_map = id_map
        self.stdio = stdio
        self.contents = contents
        self.trees = trees
        self.group = group
        self.trial = trial
