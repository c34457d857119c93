"""Stores whose jobs on trees run in the process of the test."""

from __future__ import annotations

import os
from pathlib import Path

from dockmagic.layers.inprocess import InProcessOwner
from dockmagic.store import Store


def own_scheme() -> str:
    """The id scheme that this process can serve by itself: a range for root, else its one id."""
    return f"single-{os.geteuid()}" if os.geteuid() else "range-0"


def open_store(home: Path, scheme: str = "") -> Store:
    """The store in ``home``, made where there is none; no launch server is started.

    Args:
        home: its directory.
        scheme: the name of the id scheme; "" for the one that this process can serve.
    """
    named = scheme or own_scheme()
    return Store.open(home, InProcessOwner(home / "roots" / named, named))
