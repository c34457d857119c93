"""Requests and replies: ``{"id", "method", "params"}`` in, ``{"id", "result"}`` or ``{"id", "error"}`` out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from dockmagic.errors import DockmagicError, UsageError

Answer = Callable[[str, Mapping[str, Any]], Any]
_log = logging.getLogger(__name__)


def reply(data: object, answer: Answer) -> dict[str, Any] | None:
    """What to send back; None for a message that is no request.

    An error that dockmagic did not raise on purpose goes to the kernel's log; the front end hears that it happened.
    """
    if not isinstance(data, dict) or "method" not in data:
        return None
    told: dict[str, Any] = {"id": data.get("id")}
    try:
        return told | {"result": answer(*_request(data))}
    except DockmagicError as error:
        return told | {"error": _error(error.message, error.hint, type(error).__name__)}
    except Exception as error:  # noqa: BLE001 - the comm has no other place for it, and the request waits
        _log.exception("a request of the front end failed")
        return told | {
            "error": _error("dockmagic could not answer", "the kernel's log says more", type(error).__name__)
        }


def _request(data: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    method, params = data["method"], data.get("params", {})
    if not isinstance(method, str) or not isinstance(params, dict):
        raise UsageError("a request has a method and parameters by name")
    return method, params


def _error(message: str, hint: str, kind: str) -> dict[str, str]:
    from dockmagic.record.escape import visible  # noqa: PLC0415 - not at %load_ext

    return {"message": visible(message), "hint": visible(hint), "kind": kind}
