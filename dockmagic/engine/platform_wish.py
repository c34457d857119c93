"""``--platform`` and ``--all-platforms``: one of several images, or all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockmagic.errors import UsageError

if TYPE_CHECKING:
    from dockmagic.store import Store


def require_one_wish(platform: str, *, all_platforms: bool) -> None:
    """Refuse both at once.

    Raises:
        UsageError: both are given.
    """
    if platform and all_platforms:
        raise UsageError(f"--all-platforms takes all, and --platform {platform} one", hint="give one of them")


def require_several(store: Store, name: str) -> None:
    """Refuse a name that stands for one image.

    Raises:
        UsageError: it does: the others, where there are any, were not taken in.
    """
    if store.images.index(name) is None and not store.images.variants(name, together=True):
        raise UsageError(
            f"--all-platforms: {store.images.familiar(name)} stands for one image here",
            hint="take them all first: %container pull --all-platforms, or load --all-platforms",
        )
