"""Images and containers under the names that docker's ``--format`` has for them. Pure.

What dockmagic does not keep, such as when a container was made, has no name here. See docker's "Format command and log output", and its
"inspect".
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from dockmagic.engine import ports
from dockmagic.engine.containers import published_by, status_of
from dockmagic.engine.naming import hostname
from dockmagic.listing import Volume
from dockmagic.results import Container, HistoryEntry, Image
from dockmagic.table import decimal_size

_NONE = "<none>"
_NANOSECONDS = 1_000_000_000
# Characters of an instruction in docker's history.
_LONGEST = 45


def container_line(value: Container, *, whole: bool = False) -> dict[str, Any]:
    """A row of ``ps``; ids are short unless ``whole``."""
    mounts = value.config.get("mounts", ())
    labels: Mapping[str, str] = value.config.get("profile", {}).get("labels", {})
    volumes = [mount["name"] for mount in mounts if mount["type"] == "volume"]
    return {
        "ID": value.id if whole else value.short_id,
        "Names": value.name,
        "Image": value.image,
        "Command": '"' + " ".join(value.command) + '"',
        "State": "paused" if value.paused else value.status,
        "Status": status_of(value),
        "Ports": published_by(value),
        "Labels": ",".join(f"{key}={text}" for key, text in labels.items()),
        "Label": lambda name: labels.get(name, ""),
        "Mounts": ",".join(str(mount.get("name") or mount.get("source") or "") for mount in mounts),
        "LocalVolumes": str(len(volumes)),
        "Networks": value.config.get("network", "none"),
        "Size": decimal_size(value.size_rw),
    }


def image_lines(value: Image, *, whole: bool = False) -> Iterator[dict[str, Any]]:
    """The rows of ``images``: one a name."""
    for name in value.tags or ("",):
        repository, _, tag = (
            name.partition("@")[0].rpartition(":") if ":" in name.rpartition("/")[2] else (name, "", "")
        )
        yield {
            "ID": value.id if whole else value.id.removeprefix("sha256:")[:12],
            "Repository": repository or _NONE,
            "Tag": tag or _NONE,
            "Digest": value.digest,
            "CreatedAt": value.config.get("created") or "",
            "Size": decimal_size(value.size),
        }


def history_line(value: HistoryEntry, *, whole: bool = False) -> dict[str, Any]:
    """A row of ``history``: docker cuts the instruction at 45 characters unless ``whole``."""
    text = value.created_by
    return {
        "ID": "<missing>",
        "CreatedAt": value.created,
        "CreatedBy": text if whole or len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…",
        "Size": decimal_size(value.size),
        "Comment": value.comment,
    }


def volume_line(value: Volume) -> dict[str, Any]:
    """A row of ``volume ls``."""
    return {
        "Name": value.name,
        "Driver": value.driver,
        "Scope": value.scope,
        "Mountpoint": str(value.mountpoint),
        "Labels": ",".join(f"{key}={text}" for key, text in value.labels.items()),
    }


def inspected(value: Image | Container | Volume) -> dict[str, Any]:
    """What ``inspect`` of docker tells of it, as far as it is known."""
    match value:
        case Image():
            return _image(value)
        case Container():
            return _container(value)
        case Volume():
            return volume_line(value) | {"Labels": dict(value.labels), "CreatedAt": value.created_at.isoformat()}


def _image(value: Image) -> dict[str, Any]:
    config = value.config
    return {
        "Id": value.id,
        "RepoTags": list(value.tags),
        "Created": config.get("created") or "",
        "Author": config.get("author", ""),
        "Architecture": config.get("architecture", ""),
        "Os": config.get("os", ""),
        "Variant": config.get("variant", ""),
        "Size": value.size,
        "Digest": value.digest,
        "Config": _complete(config.get("config") or {}),
        "RootFS": {"Type": "layers", "Layers": [layer.diff_id for layer in value.layers]},
    }


def _complete(config: Mapping[str, Any]) -> dict[str, Any]:
    """An image's config with every name that docker always shows."""
    always: dict[str, Any] = {"User": "", "Env": [], "Cmd": None, "Entrypoint": None, "WorkingDir": "", "Labels": {}}
    return always | {key: item for key, item in config.items() if item is not None or key not in always}


def _container(value: Container) -> dict[str, Any]:
    spec = value.config
    profile, limits = spec.get("profile", {}), spec.get("limits", {})
    return {
        "Id": value.id,
        "Name": f"/{value.name}",
        "Image": value.image_id,
        "Path": next(iter(value.command), ""),
        "Args": list(value.command[1:]),
        "State": _state(value),
        "LogPath": str(value.log_path or ""),
        "SizeRw": value.size_rw,
        "Config": {
            "Image": value.image,
            "Hostname": profile.get("hostname") or hostname(value.name),
            "User": spec.get("user", ""),
            "WorkingDir": spec.get("workdir", ""),
            "Env": [f"{key}={text}" for key, text in spec.get("env", {}).items()],
            "Cmd": list(value.command),
            "Labels": dict(profile.get("labels", {})),
            "StopSignal": profile.get("stop_signal", ""),
        },
        "HostConfig": {
            "Memory": limits.get("memory", 0),
            "NanoCpus": int(limits.get("cpus", 0) * _NANOSECONDS),
            "PidsLimit": limits.get("pids", 0),
            "ShmSize": limits.get("shm", 0),
            "NetworkMode": spec.get("network", "none"),
            "ReadonlyRootfs": profile.get("read_only", False),
            "Init": profile.get("init", False),
            "GroupAdd": list(profile.get("groups", ())),
            "Sysctls": dict(profile.get("sysctls", {})),
            "CapAdd": [f"CAP_{name}" for name in profile.get("capabilities", ())],
            "CapDrop": ["ALL"],
            "Dns": list(profile.get("dns", ())),
            "ExtraHosts": [f"{name}:{address}" for address, name in profile.get("add_hosts", ())],
        },
        "Mounts": [_mount(mount) for mount in spec.get("mounts", ())],
        "NetworkSettings": {"Ports": _ports(value)},
    }


def _state(value: Container) -> dict[str, Any]:
    found: dict[str, Any] = {
        "Status": "paused" if value.paused else value.status,
        "Running": value.status == "running",
        "Paused": value.paused,
        "ExitCode": value.exit_code or 0,
    }
    if value.health is not None:
        health = value.health
        found["Health"] = {
            "Status": health.status,
            "FailingStreak": health.failing_streak,
            "Log": [
                {"".join(word.title() for word in key.split("_")): text for key, text in asdict(probe).items()}
                for probe in health.log
            ],
        }
    return found


def _mount(mount: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Type": mount["type"],
        "Name": mount.get("name", ""),
        "Source": str(mount.get("source") or ""),
        "Destination": posixpath.normpath(mount["target"]),
        "RW": not mount.get("read_only", False),
    }


def _ports(value: Container) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for port in ports.of_row(value.config) if value.status == "running" else ():
        found.setdefault(f"{port.container}/{port.protocol}", []).append(
            {"HostIp": port.address, "HostPort": str(port.port)}
        )
    return found
