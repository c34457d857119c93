"""Images by name, as FROM, COPY --from and every verb look for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from dockmagic.builder.checking import base_of
from dockmagic.dockerfile.lint import Base
from dockmagic.errors import DeniedError, NotFoundError, UnreachableError, UsageError
from dockmagic.oci import reference, transport
from dockmagic.oci.platform import here, parse
from dockmagic.store.archive_sources import Wanted

if TYPE_CHECKING:
    from dockmagic.oci.transport import Transport
    from dockmagic.store import Store
    from dockmagic.store.images import ImageRecord

_HINT = (
    "see %container images; build it with %%container build -t, or %container load an archive;"
    " %container pull says why its registry does not give it"
)
_LOCAL = "localhost"
# Pulls an image of a platform, "" for this machine's, that is not there from its registry; returns its id.
Puller = Callable[[str, str], str]


def find(store: Store, name: str, *, epoch: int, puller: Puller | None = None, platform: str = "") -> ImageRecord:
    """The image of that name, id or id's beginning.

    ``localhost/base`` and ``localhost/python`` are made from this machine when they are not there yet.

    Args:
        store: where to look.
        name: as the user wrote it.
        epoch: seconds since 1970, for an image that has to be made.
        puller: what fetches an image that is not there; None to look only here.
        platform: that it must be for; "" for this machine's where the name has several, else for whichever it has.

    Raises:
        NotFoundError: there is none. The text is the same with a network and without; ``detail`` says what a registry said.
        RegistryError: a registry has it and fails, or answers no more for a while.
        ArchiveError: what a registry has is damaged, or not for this machine.
        UsageError: it is neither a reference nor an id.
    """
    name = transport.without_registry(name)
    found = _here(store, name, epoch, platform)
    detail = ""
    if found is None and puller is not None and not name.startswith("sha256:"):
        try:
            found = puller(name, platform)
        except (NotFoundError, UnreachableError, DeniedError) as error:
            detail = f"{error.message}\n{error.detail}".strip()
    if found is None:
        troubles = (f"{error.message}\n{error.detail}" for error in store.shelf.troubles.values())
        detail = "\n".join(filter(None, [*troubles, detail]))
        what = f"{name} for {platform}" if platform and store.images.resolve(name) is not None else name
        raise NotFoundError(f"image not found: {what}", hint=_HINT, detail=detail)
    return store.images.get(found)


def _here(store: Store, name: str, epoch: int, platform: str) -> str | None:
    """The image as far as it needs no registry."""
    from dockmagic.builder.hostimage import ensure, is_host_image  # noqa: PLC0415 - only where a base may have to be made

    place = transport.parse(name)
    found = None if place is not None and place.certain else store.images.resolve(name)
    if found is None and place is not None:
        return taken(store, place, platform)
    if found is None and is_host_image(name):
        found = ensure(store, name, epoch=epoch)
    wanted = parse(platform) if platform else here()
    if found is not None and wanted.rank(_said(store, found)) is not None:
        return found
    variants = store.images.variants(name).values()
    suiting = next((other for other in variants if wanted.rank(_said(store, other)) is not None), None)
    return suiting or (None if platform else found)


def taken(store: Store, place: Transport, platform: str, *, names: bool = False) -> str:
    """Take in the image that lies at a place; returns its id.

    Args:
        store: where it goes.
        place: where it lies.
        platform: which of several; "" for this machine's.
        names: it gets the names that it bears there.

    Raises:
        NotFoundError: nothing is there.
        ArchiveError: it is damaged, or holds several images and none is named.
    """
    path = Path(place.path).expanduser()
    if not path.exists() or path.is_dir() != (place.kind == "oci"):
        what = "directory" if place.kind == "oci" else "file"
        raise NotFoundError(f"{place}: there is no such {what}", hint="a path is taken from the notebook's directory")
    wanted = Wanted(platform=parse(platform) if platform else here(), name=place.name)
    # A base is taken at every build: what is here by its digest is not read again, as it is not pulled again.
    found = store.archive.load(path, wanted, names=names, most=1, reads_known=names)
    return found[0]


def _said(store: Store, image_id: str) -> dict[str, str]:
    """What an image says of its platform."""
    config = store.images.get(image_id).config
    return {"os": config.os, "architecture": config.architecture, "variant": config.variant}


def renewed(store: Store, name: str, *, epoch: int, puller: Puller, platform: str = "") -> ImageRecord:
    """As :func:`find`, of an image that its registry is asked for anew (``--pull``); ids and names of localhost are of this store alone.

    Raises:
        NotFoundError: the registry does not have it.
        RegistryError: it cannot be reached or fails, whether the image is here or not.
        ArchiveError: what it has is damaged, or not for this machine.
        UsageError: the name is not of docker's form.
    """
    name = transport.without_registry(name)
    if name.startswith("sha256:") or transport.parse(name) or reference.parse_normalized(name).domain == _LOCAL:
        return find(store, name, epoch=epoch, platform=platform)
    return store.images.get(puller(name, platform))


def known(store: Store, name: str) -> Base | None:
    """What the linter may know of an image without making it; None where it is not in the store."""
    from dockmagic.builder.hostimage import environment, is_host_image  # noqa: PLC0415 - as above

    if is_host_image(name):
        # The same whether it was made already or not.
        return Base(env=environment(name))
    try:
        found = store.images.resolve(transport.without_registry(name))
    except UsageError:
        return None
    return base_of(store.images.get(found).config) if found is not None else None
