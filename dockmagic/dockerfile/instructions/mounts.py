"""``RUN --mount``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dockmagic.dockerfile.instructions.quantities import csv_fields, parse_boolean, parse_number, parse_size
from dockmagic.dockerfile.instructions.suggestion import did_you_mean
from dockmagic.errors import DockerfileError

TYPES = ("bind", "cache", "tmpfs", "secret", "ssh")
SHARING = ("shared", "private", "locked")
_KEYS = (
    "type",
    "from",
    "source",
    "target",
    "readonly",
    "id",
    "sharing",
    "required",
    "size",
    "mode",
    "uid",
    "gid",
    "env",
    "src",
    "dst",
    "destination",
    "ro",
    "rw",
    "readwrite",
)
_ALIASES = {"src": "source", "dst": "target", "destination": "target"}
_BARE = frozenset({"readonly", "ro", "readwrite", "rw", "required"})
_SECRETIVE = ("secret", "ssh")
_WRITABLE = ("cache", "tmpfs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One mount of a RUN step.

    Attributes:
        text: the flag's value as written.
        pending: it has variables, so only ``type`` and ``from_`` are known until it is expanded.
        type: one of :data:`TYPES`.
        from_: a stage, an image or a context; "" is the build context.
        id: a cache's, secret's or agent's name.
        env: the variable that a secret stands in, or "".
        size: bytes that a tmpfs may hold; None where no limit is given.
    """

    text: str
    pending: bool = False
    type: str = "bind"
    from_: str = ""
    source: str = ""
    target: str = ""
    read_only: bool = True
    id: str = ""
    sharing: str = ""
    required: bool = False
    size: int | None = None
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
    env: str = ""


def parse_mount(text: str, expand: Callable[[str], str] | None = None) -> Mount:
    """Read a mount's comma-separated fields.

    Args:
        text: the flag's value.
        expand: replaces variables in a value. Without it a mount with variables is left pending.

    Raises:
        DockerfileError: an unknown type or key, a value that does not fit, or keys that exclude each other.
    """
    fields = csv_fields(text, "mounts")
    if expand is None and "$" in text:
        return _pending(text, fields)
    values: dict[str, Any] = {"type": "bind"}
    for field in fields:
        key, equals, value = field.partition("=")
        key = key.lower()
        if not equals and key not in _BARE:
            raise DockerfileError(f"invalid field '{field}' must be a key=value pair")
        if expand is not None:
            value = expand(value)
        _set(values, key, value if equals else "true", field)
    values.setdefault("read_only", values["type"] not in _WRITABLE)
    mount = Mount(text=text, **values)
    _check(mount)
    return mount


def _pending(text: str, fields: tuple[str, ...]) -> Mount:
    """What must be known before variables are: the stage that the mount depends on."""
    values: dict[str, Any] = {}
    for field in fields:
        key, _, value = field.partition("=")
        if key.lower() == "from":
            if "$" in value[:-1]:
                raise DockerfileError("'from' doesn't support variable expansion, define alias stage instead")
            values["from_"] = value
        elif key.lower() == "type" and value.lower() in TYPES:
            values["type"] = value.lower()
    return Mount(text=text, pending=True, **values)


def _set(values: dict[str, Any], key: str, value: str, field: str) -> None:
    """Put one field among the values of a mount."""
    name = _ALIASES.get(key, key)
    if name in {"source", "target", "id", "env"}:
        values[name] = value
    elif name == "from":
        values["from_"] = value
    elif name == "type":
        values[name] = _choice(value, TYPES, "mount type")
    elif name == "sharing":
        values[name] = _choice(value, SHARING, "sharing value")
    elif name in {"readonly", "ro", "readwrite", "rw"}:
        values["read_only"] = _boolean(key, value) == name.startswith("ro" if name == "ro" else "reado")
    elif name in {"required", "size"}:
        _set_typed(values, name, value)
    elif name in {"mode", "uid", "gid"}:
        number = parse_number(value, 8 if name == "mode" else 10)
        if number is None:
            raise DockerfileError(f"invalid value {value} for {key}")
        values[name] = number
    else:
        raise DockerfileError(f"unexpected key '{key}' in '{field}'{did_you_mean(key, _KEYS)}")


def _set_typed(values: dict[str, Any], key: str, value: str) -> None:
    """Keys that only some types know; the type has to stand before them."""
    allowed = _SECRETIVE if key == "required" else ("tmpfs",)
    if values["type"] not in allowed:
        raise DockerfileError(f"unexpected key '{key}' for mount type '{values['type']}'")
    if key == "required":
        values[key] = _boolean(key, value)
        return
    values[key] = parse_size(value)
    if values[key] is None:
        raise DockerfileError(f"invalid value for {key}: {value}")


def _choice(value: str, choices: tuple[str, ...], subject: str) -> str:
    lower = value.lower()
    if lower not in choices:
        raise DockerfileError(f'unsupported {subject} "{value}"{did_you_mean(value, choices)}')
    return lower


def _boolean(key: str, value: str) -> bool:
    parsed = parse_boolean(value)
    if parsed is None:
        raise DockerfileError(f"invalid value for {key}: {value}")
    return parsed


def _check(mount: Mount) -> None:
    """Keys that exclude each other.

    Raises:
        DockerfileError: they stand together.
    """
    if mount.type not in {"secret", "ssh", "cache"}:
        for name in ("mode", "uid", "gid"):
            if getattr(mount, name) is not None:
                raise DockerfileError(f'{name} not allowed for "{mount.type}" type mounts')
    if mount.type == "secret":
        _check_secret(mount)
    elif mount.env:
        raise DockerfileError(f"env not allowed for {mount.type} mounts")
    if mount.sharing and mount.type != "cache":
        raise DockerfileError(f"invalid cache sharing set for {mount.type} mount")


def _check_secret(mount: Mount) -> None:
    if mount.from_:
        raise DockerfileError("secret mount should not have a from")
    if mount.sharing:
        raise DockerfileError("secret mount should not define sharing")
    if not (mount.source or mount.target or mount.id or mount.env):
        raise DockerfileError("invalid secret mount. one of source, target required")
    if mount.source and mount.id:
        raise DockerfileError("both source and id can't be set")
