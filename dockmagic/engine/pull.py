"""``pull``: an image from a registry, or from a mirror of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockmagic.builder import bases
from dockmagic.builder.hostimage import is_host_image
from dockmagic.engine import images
from dockmagic.engine.fetch import fetched
from dockmagic.engine.fetch_index import WholePull
from dockmagic.engine.platform_wish import require_one_wish
from dockmagic.engine.transfer import Listener
from dockmagic.errors import UsageError
from dockmagic.oci import reference, transport
from dockmagic.results import Image

if TYPE_CHECKING:
    from dockmagic.engine.session import Session
    from dockmagic.oci.transport import Transport


def pull(
    session: Session,
    name: str,
    *,
    wanted: str = "",
    all_platforms: bool = False,
    listener: Listener | None = None,
) -> Image:
    """Pull an image; layers that are here are not fetched again. ``localhost/base`` and ``localhost/python`` are made from this machine.

    Args:
        session: what it works on.
        name: with a tag, a digest, or neither for ``latest``; or where it lies: see :mod:`dockmagic.oci.transport`.
        wanted: the platform to take of several, e.g. ``"linux/arm64"``; "" for this machine's.
        all_platforms: take all, and the index as it is; the image of this machine's platform, or the first, is the one returned.
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
    require_one_wish(wanted, all_platforms=all_platforms)
    place = transport.parse(name)
    if place is not None and (place.certain or session.store.images.resolve(name) is None):
        if all_platforms:
            raise UsageError(
                f"{place}: --all-platforms is of registries", hint="%container load --all-platforms takes it"
            )
        return _taken(session, place, wanted)
    if is_host_image(name):  # made here: no registry has it
        return images.describe(session, images.find(session, name), names=(name,))
    target = reference.parse_normalized(transport.without_registry(name))
    image_id = fetched(session, target, wanted, listener, kind=WholePull if all_platforms else None)
    return images.describe(session, session.store.images.get(image_id), names=(target.familiar,))


def _taken(session: Session, place: Transport, wanted: str) -> Image:
    """Take in the image that lies at a place, with the names that it bears there."""
    image_id = bases.taken(session.store, place, wanted, names=True)
    return images.describe(session, session.store.images.get(image_id), names=session.store.images.tags(image_id))
