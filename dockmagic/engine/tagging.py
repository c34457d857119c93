"""Giving images their names, and telling of names that another image bore before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockmagic.engine import images
from dockmagic.oci import reference as references

if TYPE_CHECKING:
    from dockmagic.engine.session import Session
    from dockmagic.results import Image


def require_name(reference: str) -> None:
    """Refuse a name before the work whose result shall bear it.

    Raises:
        UsageError: it is not of docker's form, or has a digest.
    """
    if reference:
        references.parse_given(reference)


def named(session: Session, image_id: str, reference: str, *, notes: tuple[str, ...] = ()) -> Image:
    """The image as a value, after it got the name, if one is given; of a name that moved its notes tell.

    Args:
        session: what it works on.
        image_id: of a stored image.
        reference: the name; "" for none.
        notes: further notes for the value.

    Raises:
        NotFoundError: there is no such image.
    """
    store = session.store
    before = store.images.tag(reference, image_id) if reference else None
    if before is not None:
        notes = (moved(session, store.images.familiar(reference), before), *notes)
    return images.describe(session, store.images.get(image_id), names=(reference,) if reference else (), notes=notes)


def moved(session: Session, name: str, before: str) -> str:
    """What to tell of a name that ``before`` has lost: fixed words, for ids differ between machines."""
    names: list[str] = list(session.store.images.tags(before))
    left = "has other names still" if names else "has no name now"
    return f"{name} already existed: the image that bore it {left}"
