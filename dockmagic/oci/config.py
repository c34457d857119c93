"""The OCI image configuration, with Docker's extensions (Healthcheck, OnBuild, Shell) kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dockmagic.errors import ArchiveError
from dockmagic.oci import digest as digests
from dockmagic.oci import fields
from dockmagic.oci.platform import Platform

_KNOWN = ("User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels", "StopSignal", "Shell",
          "Healthcheck", "OnBuild")  # fmt: skip
# The one type of a root file system that there is.
_LAYERS = "layers"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerConfig:
    """How processes of the image are started: the ``config`` object.

    Attributes:
        env: ``"KEY=value"`` items in order.
        entrypoint: None where the image says nothing.
        exposed_ports: ``"80/tcp"``.
        other: fields that are not known here, kept as they are.
    """

    user: str = ""
    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    working_dir: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    exposed_ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    stop_signal: str = ""
    shell: tuple[str, ...] | None = None
    healthcheck: Mapping[str, Any] | None = None
    on_build: tuple[str, ...] = ()
    other: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON; a field that says nothing is left out."""
        values: dict[str, Any] = {
            "User": self.user,
            "ExposedPorts": {port: {} for port in self.exposed_ports},
            "Env": list(self.env),
            "Entrypoint": None if self.entrypoint is None else list(self.entrypoint),
            "Cmd": None if self.cmd is None else list(self.cmd),
            "Volumes": {volume: {} for volume in self.volumes},
            "WorkingDir": self.working_dir,
            "Labels": dict(self.labels),
            "StopSignal": self.stop_signal,
            "Shell": None if self.shell is None else list(self.shell),
            "Healthcheck": None if self.healthcheck is None else dict(self.healthcheck),
            "OnBuild": list(self.on_build),
        }
        said = {k: v for k, v in values.items() if v or (v == [] and k in {"Cmd", "Entrypoint"})}
        return {**self.other, **said}


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A row of the history, oldest first; ``empty_layer`` rows have no layer."""

    created: str = ""
    created_by: str = ""
    comment: str = ""
    author: str = ""
    empty_layer: bool = False

    def to_dict(self) -> dict[str, Any]:
        """JSON; a field that says nothing is left out."""
        values = {
            "created": self.created,
            "created_by": self.created_by,
            "comment": self.comment,
            "author": self.author,
            "empty_layer": self.empty_layer,
        }
        return {k: v for k, v in values.items() if v}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageConfig:
    """The image configuration.

    Attributes:
        created: RFC 3339, "" where the image does not say.
        diff_ids: digests of the uncompressed layers, base first.
        other: fields that are not known here (``variant``, ``os.version``, …), kept as they are.
    """

    architecture: str
    os: str
    created: str = ""
    author: str = ""
    config: ContainerConfig = field(default_factory=ContainerConfig)
    diff_ids: tuple[str, ...] = ()
    history: tuple[History, ...] = ()
    other: Mapping[str, Any] = field(default_factory=dict)

    @property
    def variant(self) -> str:
        """Of the processor, e.g. ``"v7"``; "" where the image does not say."""
        found = self.other.get("variant", "")
        return found if isinstance(found, str) else ""

    def on(self, platform: Platform) -> ImageConfig:
        """The same for a platform."""
        other = {key: value for key, value in self.other.items() if key != "variant"}
        if platform.variant:
            other["variant"] = platform.variant
        return replace(self, os=platform.os, architecture=platform.architecture, other=other)

    def to_dict(self) -> dict[str, Any]:
        """JSON as the specification names the fields."""
        found: dict[str, Any] = {**self.other, "architecture": self.architecture, "os": self.os}
        if self.created:
            found["created"] = self.created
        if self.author:
            found["author"] = self.author
        found["config"] = self.config.to_dict()
        found["rootfs"] = {"type": _LAYERS, "diff_ids": list(self.diff_ids)}
        if self.history:
            found["history"] = [row.to_dict() for row in self.history]
        return found

    def to_bytes(self) -> bytes:
        """The one serialisation that we write: sorted keys, no blanks, UTF-8."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        # a byte that is no text, a surrogate here, becomes JSON's own escape of it
        return text.encode("utf-8", "backslashreplace")

    def appended(self, diff_id: str | None, row: History) -> ImageConfig:
        """One more row of history, and its layer if it made one."""
        diff_ids = self.diff_ids if diff_id is None else (*self.diff_ids, diff_id)
        return replace(self, diff_ids=diff_ids, history=(*self.history, row))


def parse(data: bytes) -> ImageConfig:
    """An image configuration from its bytes.

    Raises:
        ArchiveError: it is no JSON object, or a field that we need is of a wrong type.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise ArchiveError("the image's config is not JSON") from None
    found = fields.mapping(value, "the image's config")
    rootfs = fields.mapping(found.get("rootfs"), "rootfs")
    if fields.text(rootfs, "type") != _LAYERS:
        raise ArchiveError(f"a rootfs of an unknown type: {rootfs.get('type')!r:.40}")
    rows = found.get("history")
    if not isinstance(rows, list | None):
        raise ArchiveError("history is not a list")
    known = {"architecture", "os", "created", "author", "config", "rootfs", "history"}
    for key in ("variant", "os.version"):
        fields.text(found, key)
    fields.texts(found, "os.features")
    return ImageConfig(
        architecture=fields.needed_text(found, "architecture"),
        os=fields.needed_text(found, "os"),
        created=fields.text(found, "created"),
        author=fields.text(found, "author"),
        config=_container(fields.optional_mapping(found, "config")),
        diff_ids=tuple(digests.checked(d) for d in fields.texts(rootfs, "diff_ids") or ()),
        history=tuple(_row(fields.mapping(row, "a history row")) for row in rows or ()),
        other={k: v for k, v in found.items() if k not in known},
    )


def _container(value: Mapping[str, Any]) -> ContainerConfig:
    healthcheck = value.get("Healthcheck")
    env = fields.texts(value, "Env") or ()
    for item in env:
        if "=" not in item:
            raise ArchiveError(f"an Env item has no =: {item[:40]!r}")
    fields.truth(value, "ArgsEscaped")
    return ContainerConfig(
        user=fields.text(value, "User"),
        env=env,
        entrypoint=fields.texts(value, "Entrypoint"),
        cmd=fields.texts(value, "Cmd"),
        working_dir=fields.text(value, "WorkingDir"),
        labels=fields.strings(value, "Labels"),
        exposed_ports=fields.names(value, "ExposedPorts"),
        volumes=fields.names(value, "Volumes"),
        stop_signal=fields.text(value, "StopSignal"),
        shell=fields.texts(value, "Shell"),
        healthcheck=None if healthcheck is None else fields.mapping(healthcheck, "Healthcheck"),
        on_build=fields.texts(value, "OnBuild") or (),
        other={k: v for k, v in value.items() if k not in _KNOWN},
    )


def _row(value: Mapping[str, Any]) -> History:
    return History(
        created=fields.text(value, "created"),
        created_by=fields.text(value, "created_by"),
        comment=fields.text(value, "comment"),
        author=fields.text(value, "author"),
        empty_layer=fields.truth(value, "empty_layer"),
    )
