"""What a supervisor is asked to run: an image and a request, as JSON on their way to it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from dockmagic.engine import limits
from dockmagic.engine.request import Request
from dockmagic.engine.settings import Settings
from dockmagic.exchange.given import Given


@dataclass(frozen=True, slots=True, kw_only=True)
class Commission:
    """A container for somebody else to run.

    Attributes:
        home: the store's directory.
        shared: directories of stores that are only read.
        weak: do without walls where this machine builds none.
        image: the image's id.
        names: as it was asked for.
        request: what to run; its ``on_start`` stays behind.
        container: one that has ended and is to run again as it was made; "" for a new one.
    """

    home: Path
    shared: tuple[Path, ...]
    weak: bool
    image: str
    names: tuple[str, ...]
    request: Request
    container: str = ""

    def to_json(self) -> dict[str, Any]:
        """As values that ``json`` takes."""
        request = self.request
        told = asdict(replace(request, on_start=None, given=None))
        told["cwd"] = str(request.cwd)
        told["stdin"] = _packed(request.stdin)
        if request.given is not None:
            files = [(name, _packed(content), mode) for name, content, mode in request.given.files]
            told["given"] = {"files": files, "env": dict(request.given.env)}
        return {
            "home": str(self.home),
            "shared": [str(path) for path in self.shared],
            "weak": self.weak,
            "image": self.image,
            "names": self.names,
            "request": told,
            "container": self.container,
        }

    @classmethod
    def of_json(cls, told: Mapping[str, Any]) -> Commission:
        """The same again."""
        return cls(
            home=Path(told["home"]),
            shared=tuple(Path(path) for path in told["shared"]),
            weak=told["weak"],
            image=told["image"],
            names=tuple(told["names"]),
            request=_request(told["request"]),
            container=told["container"],
        )


def _request(told: Mapping[str, Any]) -> Request:
    given = told["given"]
    files = () if given is None else given["files"]
    return Request(
        **{
            **_tuples(told),
            "cwd": Path(told["cwd"]),
            "stdin": _unpacked(told["stdin"]),
            "limits": limits.stored(told["limits"]),
            "settings": Settings(**_tuples(told["settings"])),
            "given": given and Given(files=tuple((n, _unpacked(c) or b"", m) for n, c, m in files), env=given["env"]),
        }
    )


def _tuples(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _tuple(value) for name, value in told.items()}


def _tuple(value: Any) -> Any:
    return tuple(_tuple(item) for item in value) if isinstance(value, list) else value


def _packed(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode("ascii")


def _unpacked(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
