"""What the words after ``--mount``, ``-v`` and ``--device`` mean, by docker's rules and in its words; see :mod:`dockmagic.magics.values`."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from dockmagic.exchange import sizes

_ALIASES = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly"}
_FLAGS = frozenset({"readonly", "volume-nocopy", "bind-create-src"})
_KEYS = frozenset(
    {"type", "source", "target", "consistency", "bind-propagation", "bind-recursive", "volume-subpath", "volume-label"}
    | {"volume-driver", "volume-opt", "image-subpath", "tmpfs-size", "tmpfs-mode"}
    | _FLAGS
)
_MIXED = ("volume", "image", "bind", "tmpfs")
_RECURSIVE = ("enabled", "disabled", "writable", "readonly")
_LARGEST_MODE = 0o37777777777


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A ``--mount``.

    Attributes:
        type: as written: ``volume``, ``bind``, ``tmpfs``, ``image``.
        options: the options of one type by their names, e.g. ``"bind-propagation"``; sizes and modes are numbers, flags truth values.
        labels: of ``volume-label``.
        driver_options: of ``volume-opt``.
    """

    type: str = "volume"
    source: str = ""
    target: str = ""
    readonly: bool = False
    consistency: str = ""
    options: dict[str, str | int | bool] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    driver_options: dict[str, str] = field(default_factory=dict)


class Volume(NamedTuple):
    """A ``-v``: without a source it is a new directory; modes are ``ro``, ``rw``, ``z``, …."""

    source: str
    target: str
    modes: tuple[str, ...] = ()


class Device(NamedTuple):
    """A ``--device``."""

    host: str
    container: str
    permissions: str


def mount(text: str) -> Mount:
    """``type=bind,source=/a,target=/b,readonly``, a line of comma-separated values."""
    if not text:
        raise ValueError("value is empty")
    try:
        (fields,) = csv.reader([text], strict=True)
    except (csv.Error, ValueError):
        raise ValueError("it is no line of comma-separated values") from None
    found = Mount()
    for word in fields:
        found = _with(found, word)
    _check(found)
    return found


def _with(found: Mount, word: str) -> Mount:
    spelled, equals, value = word.partition("=")
    if spelled.strip() != spelled:
        raise ValueError(f"invalid option '{spelled.strip()}' in '{word}': option should not have whitespace")
    if equals and not value.strip():
        raise ValueError(f"invalid value for '{spelled}': value is empty")
    if value.strip() != value:
        raise ValueError(f"invalid value for '{spelled}' in '{word}': value should not have whitespace")
    key = spelled.lower()
    name = _ALIASES.get(key, key)
    if name == "bind-nonrecursive":
        raise ValueError("bind-nonrecursive is deprecated, use bind-recursive=disabled instead")
    if not equals and name not in _FLAGS:
        raise ValueError(f"invalid field '{word}' must be a key=value pair")
    if name not in _KEYS:
        raise ValueError(f"unknown option '{key}' in '{word}'")
    return _set(found, name, _value(key, name, value, given=bool(equals)))


def _value(key: str, name: str, text: str, *, given: bool) -> str | int | bool:
    if name in _FLAGS:
        return _truth(key, text) if given else True
    if name in {"type", "consistency", "bind-propagation"}:
        return text.lower()
    if name == "bind-recursive" and text not in _RECURSIVE:
        raise ValueError(f'invalid value for {key}: {text} (must be "enabled", "disabled", "writable", or "readonly")')
    if name == "tmpfs-size":
        try:
            return sizes.binary(text)
        except ValueError:
            raise ValueError(f"invalid value for {key}: {text}") from None
    if name == "tmpfs-mode":
        if not re.fullmatch("[0-7]+", text) or int(text, 8) > _LARGEST_MODE:
            raise ValueError(f"invalid value for {key}: {text}")
        return int(text, 8)
    return text


def _truth(key: str, text: str) -> bool:
    if text not in {"true", "1", "false", "0"}:
        allowed = 'must be one of "true", "1", "false", or "0" (default "true")'
        raise ValueError(f"invalid value for '{key}': invalid boolean value (\"{text}\"): {allowed}")
    return text in {"true", "1"}


def _set(found: Mount, name: str, value: str | int | bool) -> Mount:  # noqa: FBT001 - a value of any of its kinds
    if name in {"type", "source", "target", "readonly", "consistency"}:
        return replace(found, **{name: value})  # type: ignore[arg-type]
    if name not in {"volume-label", "volume-opt"}:
        return replace(found, options={**found.options, name: value})
    key, _, text = str(value).partition("=")
    more = {key: text} if key else {}
    # An empty name is left out, but the option was there.
    marked = replace(found, options={**found.options, name: True})
    if name == "volume-label":
        return replace(marked, labels={**found.labels, **more})
    return replace(marked, driver_options={**found.driver_options, **more})


def _check(found: Mount) -> None:
    if not found.type:
        raise ValueError("type is required")
    for kind in _MIXED:
        if kind != found.type and any(name.startswith(f"{kind}-") for name in found.options):
            raise ValueError(f"cannot mix '{kind}-*' options with mount type '{found.type}'")
    if not found.target:
        raise ValueError("target is required")
    recursive = found.options.get("bind-recursive")
    if recursive in {"writable", "readonly"} and not found.readonly:
        raise ValueError(f"option 'bind-recursive={recursive}' requires 'readonly' to be specified in conjunction")
    if recursive == "readonly" and found.options.get("bind-propagation") != "rprivate":
        needs = "'bind-propagation=rprivate' to be specified in conjunction"
        raise ValueError(f"option 'bind-recursive=readonly' requires {needs}")


def volume(text: str) -> Volume:
    """``TARGET``, ``SOURCE:TARGET`` or ``SOURCE:TARGET:MODE,MODE``."""
    parts = text.split(":")
    if not all(parts) or len(parts) > 3:  # noqa: PLR2004 - source, target, modes
        raise ValueError("it is no [SOURCE:]TARGET[:MODE]")
    source, target, modes = ("", parts[0], "") if len(parts) == 1 else (parts[0], parts[1], ":".join(parts[2:]))
    return Volume(source, target, tuple(modes.split(",")) if modes else ())


def device(text: str) -> Device:
    """``HOST[:CONTAINER][:rwm]``."""
    parts = text.split(":")
    if len(parts) > 3 or not parts[0]:  # noqa: PLR2004 - host, container, permissions
        raise ValueError(f"bad format for path: {text}")
    host, *rest = parts
    permissions = "rwm"
    if len(rest) == 2:  # noqa: PLR2004 - as above
        permissions = rest.pop()
        if not _are_permissions(permissions):
            raise ValueError(f"bad mode specified: {permissions}")
    elif rest and _are_permissions(rest[0]):
        permissions = rest.pop()
    target = rest[0] if rest else host
    if not target.startswith("/"):
        raise ValueError(f"{target} is not an absolute path")
    return Device(host, target, permissions)


def _are_permissions(text: str) -> bool:
    return bool(text) and set(text) <= set("rwm") and len(set(text)) == len(text)
