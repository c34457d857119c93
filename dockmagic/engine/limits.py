"""What a container may use, as its row keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dockmagic.sandbox.spec import Limits


def stored(row: Mapping[str, Any]) -> Limits:
    """The limits that a container was made with, from ``asdict`` by way of JSON; the defaults where it says nothing."""
    ulimits = tuple((str(name), int(soft), int(hard)) for name, soft, hard in row.get("ulimits", ()))
    return Limits(**{**row, "ulimits": ulimits})
