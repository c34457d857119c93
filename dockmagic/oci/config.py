"""The OCI image configuration, with Docker's extensions (Healthcheck, OnBuild, Shell) kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dockmagic.errors import ArchiveError
from dockmagic.oci import digest as digests
from dockmagic.oci.platform import Platform

_KNOWN = ("User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels", "StopSignal", "Shell",
          "Healthcheck", "OnBuild")  # fmt: skip


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
        found["rootfs"] = {"type": "layers", "diff_ids": list(self.diff_ids)}
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
    found = _mapping(value, "the image's config")
    rootfs = _mapping(found.get("rootfs") or {}, "rootfs")
    rows = found.get("history") or []
    if not isinstance(rows, list):
        raise ArchiveError("history is not a list")
    known = {"architecture", "os", "created", "author", "config", "rootfs", "history"}
    return ImageConfig(
        architecture=_text(found, "architecture"),
        os=_text(found, "os"),
        created=_text(found, "created"),
        author=_text(found, "author"),
        config=_container(_mapping(found.get("config") or {}, "config")),
        diff_ids=tuple(digests.checked(d) for d in _texts(rootfs, "diff_ids") or ()),
        history=tuple(_row(_mapping(row, "a history row")) for row in rows),
        other={k: v for k, v in found.items() if k not in known},
    )


def _container(value: Mapping[str, Any]) -> ContainerConfig:
    labels = _mapping(value.get("Labels") or {}, "Labels")
    healthcheck = value.get("Healthcheck")
    env = _texts(value, "Env") or ()
    for item in env:
        if "=" not in item:
            raise ArchiveError(f"an Env item has no =: {item[:40]!r}")
    return ContainerConfig(
        user=_text(value, "User"),
        env=env,
        entrypoint=_texts(value, "Entrypoint"),
        cmd=_texts(value, "Cmd"),
        working_dir=_text(value, "WorkingDir"),
        labels={k: str(v) for k, v in labels.items()},
        exposed_ports=tuple(_mapping(value.get("ExposedPorts") or {}, "ExposedPorts")),
        volumes=tuple(_mapping(value.get("Volumes") or {}, "Volumes")),
        stop_signal=_text(value, "StopSignal"),
        shell=_texts(value, "Shell"),
        healthcheck=None if healthcheck is None else _mapping(healthcheck, "Healthcheck"),
        on_build=_texts(value, "OnBuild") or (),
        other={k: v for k, v in value.items() if k not in _KNOWN},
    )


def _row(value: Mapping[str, Any]) -> History:
    empty = value.get("empty_layer", False)
    return History(
        created=_text(value, "created"),
        created_by=_text(value, "created_by"),
        comment=_text(value, "comment"),
        author=_text(value, "author"),
        empty_layer=empty is True,
    )


def _mapping(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ArchiveError(f"{what} is not a JSON object")
    return value


def _text(value: Mapping[str, Any], key: str) -> str:
    found = value.get(key)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise ArchiveError(f"{key} is not a string")
    return found


def _texts(value: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
    found = value.get(key)
    if found is None:
        return None
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise ArchiveError(f"{key} is not a list of strings")
    return tuple(found)
