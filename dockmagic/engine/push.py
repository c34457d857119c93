"""``push``: an image, or the images that one name stands for, to a registry."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from dockmagic.engine.packing import descriptor, packed
from dockmagic.engine.platform_wish import require_several
from dockmagic.engine.push_image import Push
from dockmagic.engine.push_index import PushIndex, PushWhole
from dockmagic.engine.transfer import Listener, attended
from dockmagic.errors import DeniedError, NotFoundError, UsageError
from dockmagic.oci import reference

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dockmagic.builder.exports import Output
    from dockmagic.engine.session import Session
    from dockmagic.oci.descriptor import Descriptor
    from dockmagic.oci.reference import Reference
    from dockmagic.registry.repository import Repository

    Work = Push | PushIndex | PushWhole


def push(session: Session, name: str, *, all_platforms: bool = False, listener: Listener | None = None) -> str:
    """Push an image under the name that it bears; blobs that the registry has are not sent again.

    A name that stands for images of several platforms goes as an index: the one that it came as, else one of ours.

    Args:
        session: what it works on.
        name: of the image, with the registry and the repository; without a tag ``latest`` is meant.
        all_platforms: refuse a name that stands for one image here.
        listener: is told of :data:`dockmagic.events.Transfer` in this thread.

    Returns:
        The digest of the manifest that the registry has now.

    Raises:
        UsageError: the name is not of docker's form, or has a digest.
        NotFoundError: no image bears that name.
        DeniedError: the registry wants a sign-in, or does not let this user write there.
        RegistryError: it cannot be reached, or fails.
        KeyboardInterrupt: it was interrupted; the registry keeps the blobs that it has.
    """
    target = reference.parse_normalized(name)
    if target.digest:
        raise UsageError("an image is pushed by a tag, not by a digest", hint="give it a name with %container tag")
    store = session.store
    image_id = store.images.resolve(target.full)
    if image_id is None:
        hint = "see %container images; %container tag gives an image one more name"
        raise NotFoundError(f"image not found: {name}", hint=hint)
    if all_platforms:
        require_several(store, target.full)
    with store.leases.hold("push", image_id):
        return _sent(session, target, partial(_work, session, target, image_id), listener)


def push_built(session: Session, name: str, output: Output, built: Mapping[str, str]) -> tuple[str, Descriptor | None]:
    """Push what a build has made as its output says, its layers compressed so; raises as :func:`push`.

    Args:
        session: what it works on.
        name: where it goes.
        output: the build's.
        built: the images' ids, by platform; "" for one that goes without an index.

    Returns:
        The digest that the registry has now; and the manifest's descriptor, None for an index.
    """
    target, store = reference.parse_normalized(name), session.store
    packing, by_digest = output.packing, output.by_digest

    def several(repository: Repository) -> Work:
        return PushIndex(session, repository, target, built, packing, by_digest=by_digest)

    with store.leases.hold("push", *built.values()):
        if "" not in built:
            return _sent(session, target, several), None
        record = store.images.get(built[""])
        with packed(store, record, packing, usual="gzip") as given:

            def one(repository: Repository) -> Work:
                return Push(session, repository, target, record, given, by_digest=by_digest)

            return _sent(session, target, one), descriptor(*given)


def _sent(
    session: Session, target: Reference, work: Callable[[Repository], Work], listener: Listener | None = None
) -> str:
    """Do the work that is to be done on a repository; the digest that is there now."""
    registries = session.registries
    with registries.transport() as transport:
        repository = registries.repository(target.domain, target.path, transport, ("pull", "push"))
        try:
            return attended(work(repository).run, transport, listener)
        except DeniedError as error:
            raise _with_own_name(error, target) from None


def _work(session: Session, target: Reference, image_id: str, repository: Repository) -> Work:
    known = session.store.images
    whole = known.index(target.full)
    if whole is not None:
        return PushWhole(session, repository, target, whole)
    variants = known.variants(target.full, together=True)
    if variants:
        return PushIndex(session, repository, target, variants)
    return Push(session, repository, target, known.get(image_id))


def _with_own_name(error: DeniedError, target: Reference) -> DeniedError:
    """Short names lead to a place on Docker Hub where nobody may write."""
    if target.domain != reference.DEFAULT_DOMAIN or not target.path.startswith("library/"):
        return error
    short = target.path.removeprefix("library/")
    hint = f"%container tag {target.familiar} docker.io/YOU/{short}, or another registry's name, then push that"
    return DeniedError(
        "that name is one of Docker Hub's own images: give it a name with your repository",
        status=error.status,
        hint=hint,
        detail=error.detail,
    )
