"""Images by name, as FROM, COPY --from and every verb look for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dockmagic.builder.checking import base_of
from dockmagic.dockerfile.lint import Base
from dockmagic.errors import DeniedError, NotFoundError, UnreachableError, UsageError

if TYPE_CHECKING:
    from dockmagic.store import Store
    from dockmagic.store.images import ImageRecord

_HINT = (
    "see %container images; build it with %%container build -t, or %container load an archive;"
    " %container pull says why its registry does not give it"
)
# Pulls an image that is not there from its registry; returns its id.
Puller = Callable[[str], str]


def find(store: Store, name: str, *, epoch: int, puller: Puller | None = None) -> ImageRecord:
    """The image of that name, id or id's beginning.

    ``localhost/base`` and ``localhost/python`` are made from this machine when they are not there yet.

    Args:
        store: where to look.
        name: as the user wrote it.
        epoch: seconds since 1970, for an image that has to be made.
        puller: what fetches an image that is not there; None to look only here.

    Raises:
        NotFoundError: there is none. The text is the same with a network and without; ``detail`` says what a registry said.
        RegistryError: a registry has it and fails, or answers no more for a while.
        ArchiveError: what a registry has is damaged, or not for this machine.
        UsageError: it is neither a reference nor an id.
    """
    from dockmagic.builder.hostimage import ensure, is_host_image  # noqa: PLC0415 - only where a base may have to be made

    found = store.images.resolve(name)
    if found is None and is_host_image(name):
        found = ensure(store, name, epoch=epoch)
    detail = ""
    if found is None and puller is not None and not name.startswith("sha256:"):
        try:
            found = puller(name)
        except (NotFoundError, UnreachableError, DeniedError) as error:
            detail = f"{error.message}\n{error.detail}".strip()
    if found is None:
        troubles = (f"{error.message}\n{error.detail}" for error in store.shelf.troubles.values())
        detail = "\n".join(filter(None, [*troubles, detail]))
        what = f"{name} for {platform}" if platform and store.images.resolve(name) is not None else name
        raise NotFoundError(f"image not found: {what}", hint=_HINT, detail=detail)
    return store.images.get(found)


def known(store: Store, name: str) -> Base | None:
    """What the linter may know of an image without making it; None where it is not in the store."""
    from dockmagic.builder.hostimage import environment, is_host_image  # noqa: PLC0415 - as above

    if is_host_image(name):
        # The same whether it was made already or not.
        return Base(env=environment(name))
    try:
        found = store.images.resolve(name)
    except UsageError:
        return None
    return base_of(store.images.get(found).config) if found is not None else None
