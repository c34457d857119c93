"""``load``, ``import``, ``tag`` and ``rmi``: images come, get names, and go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dockmagic.builder.changes import changed
from dockmagic.engine import images, tagging
from dockmagic.engine.platform_wish import require_one_wish
from dockmagic.errors import ConflictError, NotFoundError
from dockmagic.oci import platform as platforms
from dockmagic.oci import transport
from dockmagic.oci.config import ContainerConfig
from dockmagic.results import Image
from dockmagic.store.archive_sources import Wanted
from dockmagic.table import Table

if TYPE_CHECKING:
    from dockmagic.engine.session import Session
    from dockmagic.store.archive_input import Source
    from dockmagic.store.images import Images


def load(session: Session, source: Source, platform: str = "", *, all_platforms: bool = False) -> Table[Image]:
    """Take the images of a docker archive, an OCI archive or an OCI layout directory; an archive may be a binary stream.

    Args:
        session: what it works on.
        source: the archive; ``oci:DIR:TAG`` and its like name one image of it.
        platform: which to take of several; "" for this machine's.
        all_platforms: take all of several, and their index as it is.

    Raises:
        NotFoundError: there is no such file.
        ArchiveError: it is corrupt or no archive of images, or has none that is wanted; the store is as it was.
        UsageError: the platform is none.
    """
    require_one_wish(platform, all_platforms=all_platforms)
    place = transport.parse(source) if isinstance(source, str) and not Path(source).exists() else None
    chosen = platforms.parse(platform) if platform else platforms.here()
    wanted = Wanted(platform=chosen, name=place.name if place is not None else "", every=all_platforms)
    found = session.store.archive.load(_existing(source if place is None else place.path), wanted)
    values = tuple(images.describe(session, session.store.images.get(i), found.names.get(i, ())) for i in found)
    return Table(
        columns=("LOADED IMAGE", "LAYERS"),
        items=values,
        rows=tuple((", ".join(v.names) or v.short_id, str(len(v.layers))) for v in values),
        title="\n".join(tagging.moved(session, moved.name, moved.before) for moved in found.moved),
    )


def import_(
    session: Session, source: Source, reference: str = "", *, message: str = "", changes: Sequence[str] = ()
) -> Image:
    """Make an image of one layer from the tar of a root file system.

    Args:
        session: what it works on.
        source: the tar.
        reference: the image's name; "" for none.
        message: for the history.
        changes: what the image sets: ``"ENV A=1"``.

    Raises:
        UsageError: the reference is not of docker's form, or a change is none.
        NotFoundError: there is no such file.
        ArchiveError: it is no tar; the store is as it was.
    """
    tagging.require_name(reference)
    config = changed(ContainerConfig(), changes)
    image_id = session.store.archive.import_rootfs(_existing(source), config=config, message=message)
    return tagging.named(session, image_id, reference)


def _existing(source: Source) -> Source:
    if not isinstance(source, str | Path):
        return source
    file = Path(source).expanduser()
    if not file.exists():
        raise NotFoundError(f"no such file: {file.name}", hint="a path is taken from the notebook's directory")
    return file


def tag(session: Session, image: str | Image, reference: str) -> Image:
    """Give an image one more name; another image that bore it loses it.

    Raises:
        NotFoundError: no such image.
        UsageError: the reference is not of docker's form.
    """
    tagging.require_name(reference)
    value = tagging.named(session, images.find(session, image).id, reference)
    if isinstance(image, str):
        _tag_together(session.store.images, image, reference, value.id)
    return value


def _tag_together(images: Images, name: str, reference: str, own: str) -> None:
    """Let a further name stand for the images of all platforms that a name stands for."""
    several = images.variants(name, together=True)
    if own in several.values():
        images.name_together(reference, several, own, index=images.index(name))


def rmi(session: Session, names: Sequence[str], *, force: bool = False) -> tuple[str, ...]:
    """Remove names, and with an image's last name the image, as docker does; returns what was removed.

    Raises:
        NotFoundError: one is not there; with ``force`` that is fine, as with docker.
        ConflictError: a container uses it, or an id has several names; ``force`` removes all names, and leaves an image that is used
            without one.
    """
    removed: list[str] = []
    for name in names:
        try:
            removed += _rmi(session, name, force=force)
        except NotFoundError:
            if not force:
                raise
    session.store.leases.sweep()
    return tuple(removed)


def _rmi(session: Session, name: str, *, force: bool) -> list[str]:
    others = session.store.images.variants(name)
    removed = _rmi_named(session, name, force=force, alone=not others)
    if others and not session.store.images.variants(name):
        removed += [image_id for image_id in others.values() if _rmi_unnamed(session, image_id)]
    return removed


def _rmi_unnamed(session: Session, image_id: str) -> bool:
    """Remove the image of another platform that the name has lost, unless something else has it."""
    try:
        return session.store.images.delete_unnamed(image_id)
    except (ConflictError, NotFoundError):
        return False


def _rmi_named(session: Session, name: str, *, force: bool, alone: bool) -> list[str]:
    store = session.store
    found = store.images.resolve(name)
    if found is None and not alone:
        store.images.untag(name)
        return [name]
    if found is None:
        raise NotFoundError(f"image not found: {name}", hint="see %container images")
    tags: list[str] = list(store.images.tags(found))
    if found in store.images.shared():
        return _rmi_shared(session, name, found)
    named = store.images.familiar(name) in tags
    if named and len(tags) > 1:
        store.images.untag(name)
        return [name]
    if not named and len(tags) > 1 and not force:
        raise ConflictError(f"{name} has several names: {', '.join(tags)}", hint="remove them one by one, or use -f")
    users = [row.name for row in store.containers.list() if row.image_id == found]
    if users and not (force and tags):
        raise ConflictError(
            f"image {name} is used by container {users[0]}", hint=f"%container rm {users[0]} removes it first"
        )
    for tag_ in tags:
        store.images.untag(tag_)
    if users:
        return tags
    store.images.delete(found)
    return [*tags, found]


def _rmi_shared(session: Session, name: str, image_id: str) -> list[str]:
    """Remove a name that was given here to an image of a shared store; the image stays there."""
    images_ = session.store.images
    own = {images_.familiar(full) for full, named in images_.own_names().items() if named == image_id}
    if images_.familiar(name) not in own:
        raise ConflictError(
            f"image {name} is in a shared store", hint="only who keeps that store removes it; it takes no room in yours"
        )
    images_.untag(name)
    return [name]
