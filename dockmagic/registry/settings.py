"""``registries.toml``: mirrors and what else is to be known of a registry; see ``docs/registry.md``."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dockmagic.errors import UsageError
from dockmagic.registry import endpoint as endpoints

CONFIG_VARIABLE = "DOCKMAGIC_CONFIG"
FILE_NAME = "registries.toml"
_LIMIT = 1 << 20
_MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """What the file says of one registry.

    Attributes:
        mirrors: servers that are asked before it, in order.
        http: speak plain HTTP; None for only on this machine.
        ca: file of the certificates that sign its own, "" for the system's.
        token_hosts: further hosts that credentials may go to for a token.
        redirect_hosts: hosts that it may send us to though they are of this machine or a private network.
        chunk: bytes that are uploaded in one request at most.
    """

    mirrors: tuple[str, ...] = ()
    http: bool | None = None
    ca: str = ""
    token_hosts: tuple[str, ...] = ()
    redirect_hosts: tuple[str, ...] = ()
    chunk: int = 64 * _MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole file.

    Attributes:
        pull: ``"missing"``: images that are not here are pulled where one is needed; ``"never"``: only by ``pull`` itself.
        parallel: layers that are transferred at once.
        timeout: seconds without a sign of a server.
        registries: by domain.
    """

    pull: str = "missing"
    parallel: int = 3
    timeout: float = 30.0
    registries: Mapping[str, Registry] = field(default_factory=dict)

    def of(self, domain: str) -> Registry:
        """What is said of a domain."""
        return self.registries.get(domain, Registry())


def directory() -> Path:
    """``$DOCKMAGIC_CONFIG``, else the user's configuration directory."""
    if named := os.environ.get(CONFIG_VARIABLE):
        return Path(named).expanduser()
    import platformdirs  # noqa: PLC0415 - not needed where the variable is set

    return platformdirs.user_config_path("dockmagic")


def read(path: Path) -> Settings:
    """The settings in a file; those of an empty one where there is none.

    Raises:
        UsageError: it cannot be read, or says something that has no meaning.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_LIMIT).decode("utf-8")
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{FILE_NAME} cannot be read", detail=f"{path}: {error}") from None
    try:
        return parse(tomllib.loads(text), base=path.parent)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{FILE_NAME} is no TOML", hint=str(error), detail=str(path)) from None


def parse(document: Mapping[str, Any], *, base: Path | None = None) -> Settings:
    """Settings from the parsed file.

    Args:
        document: the tables.
        base: what a relative ``ca`` is relative to.

    Raises:
        UsageError: a key is unknown or its value is of a wrong kind.
    """
    known = _Table(document, "")
    pull = known.text("pull", "missing")
    if pull not in {"missing", "never"}:
        raise UsageError(f'{FILE_NAME}: pull = "{pull[:40]}"', hint="missing or never")
    tables = known.table("registry")
    found = Settings(
        pull=pull,
        parallel=int(known.number("parallel", 3, least=1, most=16)),
        timeout=known.number("timeout", 30, least=1, most=3600),
        registries={_domain(name): _registry(_Table(table, name), base) for name, table in tables.items()},
    )
    known.require_all_read()
    return found


def _domain(name: str) -> str:
    return endpoints.of(name).name


def _registry(table: _Table, base: Path | None) -> Registry:
    ca = table.text("ca", "")
    found = Registry(
        mirrors=table.texts("mirrors"),
        http=table.flag("http"),
        ca=str((base or Path()) / Path(ca).expanduser()) if ca else "",
        token_hosts=table.texts("token-hosts"),
        redirect_hosts=table.texts("redirect-hosts"),
        chunk=int(table.number("chunk-mib", 64, least=1, most=1 << 20)) * _MIB,
    )
    for mirror in found.mirrors:
        endpoints.of(mirror)
    table.require_all_read()
    return found


class _Table:
    """A table of the file, and which of its keys were read."""

    def __init__(self, values: Any, name: str) -> None:
        self._where = f'{FILE_NAME}: [registry."{name}"]' if name else FILE_NAME
        if not isinstance(values, Mapping):
            raise UsageError(f"{self._where} is no table")
        self._values = values
        self._read: set[str] = set()

    def _get(self, key: str, kinds: tuple[type, ...], what: str) -> Any:
        self._read.add(key)
        value = self._values.get(key)
        if value is not None and (not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds)):
            raise UsageError(f"{self._where}: {key} is no {what}")
        return value

    def text(self, key: str, default: str) -> str:
        found = self._get(key, (str,), "text")
        return default if found is None else str(found)

    def texts(self, key: str) -> tuple[str, ...]:
        found = self._get(key, (list,), "list of texts") or []
        if not all(isinstance(item, str) for item in found):
            raise UsageError(f"{self._where}: {key} is no list of texts")
        return tuple(found)

    def flag(self, key: str) -> bool | None:
        found: bool | None = self._get(key, (bool,), "true or false")
        return found

    def number(self, key: str, default: float, *, least: float, most: float) -> float:
        found = self._get(key, (int, float), "number")
        value = default if found is None else float(found)
        if not least <= value <= most:
            raise UsageError(f"{self._where}: {key} is not from {least:g} to {most:g}")
        return value

    def table(self, key: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._get(key, (dict,), "table") or {}
        return found

    def require_all_read(self) -> None:
        unknown = sorted(set(self._values) - self._read)
        if unknown:
            raise UsageError(
                f'{self._where}: unknown key "{unknown[0][:40]}"', hint=f"known: {', '.join(sorted(self._read))}"
            )
