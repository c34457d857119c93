"""What the words after a build's options mean: pure functions from text to values, with docker's rules.

Each raises ``ValueError`` with a reason that ends the sentence ``invalid argument "x" for "--option": …``.
"""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path

from dockmagic.builder.request import Secret

_SECRET_KEYS = ("id", "src", "source", "env", "type")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")
_AGENT_VARIABLE = "SSH_AUTH_SOCK"


def secret(text: str) -> tuple[str, Secret]:
    """``id=NAME,src=FILE`` or ``id=NAME,env=VARIABLE``; with ``id=NAME`` alone a variable of that name, else such a file."""
    fields: dict[str, str] = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if not equals or key not in _SECRET_KEYS:
            raise ValueError(f"{part!r} is none of id=NAME, src=FILE, env=VARIABLE")
        fields["src" if key == "source" else key] = value
    name, kind = fields.get("id", ""), fields.get("type", "")
    if not name:
        raise ValueError("id=NAME is missing")
    if kind not in {"", "file", "env"}:
        raise ValueError(f"type={kind} is neither file nor env")
    if "src" in fields and ("env" in fields or kind == "env"):
        variable = fields.get("env", fields["src"])
        if "env" in fields:
            raise ValueError("src= and env= exclude each other")
        return name, Secret(variable=variable)
    if "env" in fields:
        return name, Secret(variable=fields["env"])
    if "src" in fields:
        return name, Secret(source=Path(fields["src"]))
    if kind == "env" or (kind != "file" and name in os.environ):
        return name, Secret(variable=name)
    return name, Secret(source=Path(name))


def agent(text: str) -> tuple[str, Path]:
    """``default`` or ``ID``: the agent of this process; ``ID=SOCKET``: another one."""
    name, equals, path = text.partition("=")
    if not name:
        raise ValueError("the id before = is missing")
    if not equals:
        path = os.environ.get(_AGENT_VARIABLE, "")
        if not path:
            raise ValueError(f"no agent is known: {_AGENT_VARIABLE} is not set; name its socket: {name}=PATH")
    if not Path(path).is_socket():
        raise ValueError(f"{path} is no agent's socket; load a key with ssh-add, and give the agent")
    return name, Path(path)


def context(text: str) -> tuple[str, str]:
    """``NAME=PATH`` or ``NAME=docker-image://IMAGE``."""
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise ValueError("it is no NAME=PATH")
    return name, value


def host(text: str) -> tuple[str, str]:
    """``NAME:ADDRESS`` or ``NAME=ADDRESS``; returns (address, name), as /etc/hosts has them."""
    name, separator, address = text.partition("=") if "=" in text else text.partition(":")
    if not separator or not _HOST.fullmatch(name):
        raise ValueError("it is no NAME:ADDRESS")
    try:
        return str(ipaddress.ip_address(address.removeprefix("[").removesuffix("]"))), name
    except ValueError:
        raise ValueError(f"{address!r} is no IP address") from None
