"""``pull``: an image from a registry, or from a mirror of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockmagic.engine import images
from dockmagic.engine.fetch import fetched
from dockmagic.engine.transfer import Listener
from dockmagic.oci import reference
from dockmagic.results import Image

if TYPE_CHECKING:
    from dockmagic.engine.session import Session


def pull(session: Session, name: str, *, wanted: str = "", listener: Listener | None = None) -> Image:
    """Pull an image; layers that are here are not fetched again.

    Args:
        session: what it works on.
        name: with a tag, a digest, or neither for ``latest``.
        wanted: the platform to take of several, e.g. ``"linux/arm64"``; "" for this machine's.
        listener: is told of :data:`dockmagic.events.Transfer` in this thread.

    Raises:
        UsageError: the name or the platform is not of docker's form.
        NotFoundError: the registry does not have it.
        DeniedError: the registry wants a sign-in.
        RateLimitError: the registry answers no more for a while.
        UnreachableError: the registry cannot be reached.
        RegistryError: it fails otherwise.
        ArchiveError: what comes is corrupt, hostile, or of no platform that was asked for; nothing of it is kept.
        KeyboardInterrupt: it was interrupted; finished layers are kept for the next attempt.
    """
    target = reference.parse_normalized(name)
    image_id = fetched(session, target, wanted, listener)
    return images.describe(session, session.store.images.get(image_id), names=(name,))
