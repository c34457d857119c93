"""How a new container is made besides what it runs and uses: capabilities, filters, mounts in memory, names.

What was asked for becomes a plain JSON value (:func:`prepared`), which the container's row keeps, ``inspect`` shows, and every later exec takes up
again (:func:`fields`).
"""

from __future__ import annotations

import ipaddress
import os
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dockmagic.dockerfile.instructions.quantities import parse_size
from dockmagic.engine import signals, sysctls
from dockmagic.errors import UsageError
from dockmagic.sandbox.spec import CAPABILITIES, DEFAULT_CAPABILITIES, Mount

_HOSTNAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*")
_LONGEST_HOSTNAME = 64
_DOMAIN = re.compile(
    r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?"
)
_LONGEST_DOMAIN = 253
_OPTION = re.compile(r"[a-z0-9-]{1,32}(:\d{1,6})?")
_LARGEST_PROFILE = 1 << 20
_TMPFS_SIZE = 64 << 20
_TAKEN = ("/proc", "/sys", "/dev", "/run/dockmagic")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Options of ``docker run``, in its words.

    Attributes:
        cap_add: names with or without ``CAP_``, or ``ALL``.
        cap_drop: the same.
        untrusted: no capability at all, for hostile code.
        security_opts: ``seccomp=FILE``, ``no-new-privileges[=true|false]``.
        read_only: nothing can be written to the root.
        tmpfs: ``PATH[:OPTION,…]``.
        groups: names or ids of groups that the user is in besides its own.
        sysctls: ``NAME=VALUE`` of the kernel's settings that a container has for itself.
        init: PID 1 starts the program and waits for orphans.
        hostname: "" for one made of the container's name.
        add_hosts: lines of /etc/hosts: (address, name).
        dns: addresses of name servers.
        dns_search: domains that short names are looked up in; ``(".",)`` for none.
        dns_options: options of /etc/resolv.conf.
        health_cmd: a line for the shell that checks the container, in place of the image's; the others are as in
            :class:`dockmagic.engine.health.Check`, 0 for what the image says.
        no_healthcheck: nothing is checked.
        labels: kept with the container, by name.
        stop_signal: what ``stop`` sends first; "" for what the image says.
        stop_timeout: seconds that ``stop`` waits then, None for its own.
    """

    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    untrusted: bool = False
    security_opts: tuple[str, ...] = ()
    read_only: bool = False
    tmpfs: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    sysctls: tuple[str, ...] = ()
    init: bool = False
    hostname: str = ""
    add_hosts: tuple[tuple[str, str], ...] = ()
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    health_cmd: str = ""
    health_interval: float = 0.0
    health_timeout: float = 0.0
    health_retries: int = 0
    health_start_period: float = 0.0
    health_start_interval: float = 0.0
    no_healthcheck: bool = False
    labels: tuple[tuple[str, str], ...] = ()
    stop_signal: str = ""
    stop_timeout: float | None = None


def prepared(settings: Settings, *, cwd: Path) -> dict[str, Any]:
    """The settings, checked and complete, as JSON.

    Raises:
        UsageError: a value is none that can be had.
    """
    capabilities = _capabilities(settings)
    no_new_privileges, file = _security(settings.security_opts)
    if settings.untrusted and not no_new_privileges:
        raise UsageError("--untrusted cannot be used with no-new-privileges=false")
    text = _profile_text(cwd / Path(file).expanduser()) if file else ""
    made = {
        "capabilities": list(capabilities),
        "no_new_privileges": no_new_privileges,
        "seccomp": f"default and {file}" if file else "default",
        "seccomp_profile": text,
        "read_only": settings.read_only,
        "tmpfs": sorted((_tmpfs(text) for text in settings.tmpfs), key=lambda mount: str(mount["target"])),
        "groups": list(settings.groups),
        "sysctls": sysctls.parsed(settings.sysctls),
        "init": settings.init,
        "hostname": _hostname(settings.hostname),
        "add_hosts": [list(line) for line in settings.add_hosts],
        "dns": [_address(text) for text in settings.dns],
        "dns_search": [_domain(text) for text in settings.dns_search],
        "dns_options": [_word(text) for text in settings.dns_options],
        "labels": dict(settings.labels),
        "stop_signal": _signal(settings.stop_signal),
        "stop_timeout": settings.stop_timeout,
    }
    fields(made)  # a profile that cannot be compiled is refused before there is a container
    return made


def fields(made: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a :class:`~dockmagic.sandbox.spec.Spec`, from what :func:`prepared` gave; {} gives the defaults.

    Raises:
        UsageError: the seccomp profile is none.
    """
    if not made:
        return {}
    return {
        "capabilities": tuple(made["capabilities"]),
        "no_new_privileges": made["no_new_privileges"],
        "seccomp": _compiled(made["seccomp_profile"], made["capabilities"]),
        "read_only": made["read_only"],
        "groups": tuple(made.get("groups", ())),
        "sysctls": tuple(made.get("sysctls", {}).items()),
        "init": made["init"],
        "add_hosts": tuple((address, name) for address, name in made["add_hosts"]),
        "dns": tuple(made["dns"]),
        "dns_search": tuple(made.get("dns_search", ())),
        "dns_options": tuple(made.get("dns_options", ())),
        "mounts": tuple(Mount(kind="tmpfs", early=True, **mount) for mount in made["tmpfs"]),
    }


def _capabilities(settings: Settings) -> tuple[str, ...]:
    """Docker's rule: what is dropped goes from the default, ``ALL`` before what is added."""
    added, dropped = _names("--cap-add", settings.cap_add), _names("--cap-drop", settings.cap_drop)
    if settings.untrusted:
        if added:
            raise UsageError("--untrusted cannot be used with --cap-add", hint="it means: no capability at all")
        return ()
    kept = set() if "ALL" in dropped else set(CAPABILITIES if "ALL" in added else DEFAULT_CAPABILITIES) - dropped
    if "ALL" in added and "ALL" in dropped:
        raise UsageError("--cap-add ALL and --cap-drop ALL exclude each other")
    return tuple(name for name in CAPABILITIES if name in kept | (added - {"ALL"}))


def _signal(text: str) -> str:
    if text:
        signals.number(text)
    return text


def _names(option: str, texts: Sequence[str]) -> set[str]:
    found = {text.upper().removeprefix("CAP_") for text in texts}
    for name in sorted(found - {*CAPABILITIES, "ALL"}):
        raise UsageError(f"{option}: there is no capability {name}", hint="e.g. NET_RAW; capabilities(7) lists them")
    return found


def _security(options: Sequence[str]) -> tuple[bool, str]:
    """no_new_privileges, and the file of a seccomp profile or ""."""
    no_new_privileges, file = True, ""
    for option in options:
        separator = "=" if "=" in option else ":"
        name, _, value = option.partition(separator)
        match name, value:
            case "no-new-privileges", "" | "true":
                no_new_privileges = True
            case "no-new-privileges", "false":
                no_new_privileges = False
            case "seccomp", "unconfined":
                raise UsageError(
                    "--security-opt seccomp=unconfined: the filter of system calls is not switched off",
                    hint="it is the wall that the cell's root has; seccomp=FILE takes more calls away",
                )
            case "seccomp", "" | "builtin":
                file = ""
            case "seccomp", _:
                file = value
            case _:
                raise UsageError(
                    f'--security-opt "{option}" is not known',
                    hint="seccomp=FILE, no-new-privileges=true or no-new-privileges=false",
                )
    return no_new_privileges, file


def _profile_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_PROFILE + 1)
        if len(content) > _LARGEST_PROFILE:
            raise UsageError(f"--security-opt seccomp={path.name}: the file is longer than 1 MiB")
        return content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"--security-opt seccomp={path.name} cannot be read: {reason}") from None


def _compiled(text: str, capabilities: Sequence[str]) -> bytes:
    if not text:
        return b""
    from dockmagic.sandbox.seccomp_profile import compiled  # noqa: PLC0415 - rarely needed

    machine = os.uname()
    return compiled(text, machine=machine.machine, release=machine.release, capabilities=capabilities)


def _tmpfs(text: str) -> dict[str, Any]:
    """``PATH[:size=64m,mode=1777,exec,ro]``, docker's defaults but for the size, which is 64 MiB."""
    path, _, words = text.partition(":")
    target = posixpath.normpath(path)
    if not path.startswith("/") or target == "/" or any(f"{target}/".startswith(f"{taken}/") for taken in _TAKEN):
        hint = "of /dev/shm it is --shm-size" if target == "/dev/shm" else ""  # noqa: S108 - a path in the container
        raise UsageError(f'--tmpfs "{text}": the path must be absolute, and not below {", ".join(_TAKEN)}', hint=hint)
    mount: dict[str, Any] = {
        "target": target,
        "size": _TMPFS_SIZE,
        "mode": 0o1777,
        "noexec": True,
        "read_only": False,
    }
    for word in filter(None, words.split(",")):
        mount |= _tmpfs_option(text, word)
    return mount


def _tmpfs_option(text: str, word: str) -> dict[str, Any]:
    name, _, value = word.partition("=")
    flags = {
        "exec": {"noexec": False},
        "noexec": {"noexec": True},
        "ro": {"read_only": True},
        "rw": {"read_only": False},
    }
    if word in flags:
        return flags[word]
    if word in {"nosuid", "nodev"}:
        return {}  # always
    if name == "size" and (size := parse_size(value)):
        return {"size": size}
    if name == "mode" and re.fullmatch("[0-7]{3,4}", value):
        return {"mode": int(value, 8)}
    raise UsageError(f'--tmpfs "{text}": "{word}" is not known', hint="size=64m, mode=1777, exec, noexec, ro, rw")


def _hostname(text: str) -> str:
    if text and (len(text) > _LONGEST_HOSTNAME or not _HOSTNAME.fullmatch(text)):
        raise UsageError(
            f'--hostname "{text}" is no host name', hint="letters, digits and - in words with . between, at most 64"
        )
    return text


def _domain(text: str) -> str:
    if text != "." and (len(text) > _LONGEST_DOMAIN or not _DOMAIN.fullmatch(text)):
        raise UsageError(f'--dns-search "{text}" is no domain', hint='e.g. example.org; "." is none')
    return text


def _word(text: str) -> str:
    if not _OPTION.fullmatch(text):
        raise UsageError(f'--dns-option "{text}" is no option', hint="e.g. ndots:2; resolv.conf(5) lists them")
    return text


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise UsageError(f'--dns "{text}" is no IP address') from None
