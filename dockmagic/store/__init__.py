"""Images, layers, build cache and containers of one home directory; see ``docs/store.md``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dockmagic.store.store import Store

__all__ = ["Store"]


def __getattr__(name: str) -> Any:
    """Import the store when it is first asked for."""
    if name != "Store":
        raise AttributeError(name)
    from dockmagic.store.store import Store  # noqa: PLC0415 - lazy on purpose

    return Store
