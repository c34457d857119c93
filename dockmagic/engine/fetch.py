"""An image from a registry, or from a mirror of it, into the store."""

from __future__ import annotations

import difflib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockmagic.engine.transfer import Emit, Listener, Progress, attended
from dockmagic.errors import ArchiveError, NotFoundError, RegistryError, UnreachableError
from dockmagic.events import LayerPulled, PullStarted
from dockmagic.oci import choice, mediatype, platform, reference
from dockmagic.oci import config as configs
from dockmagic.oci import digest as digests
from dockmagic.oci.config import ImageConfig
from dockmagic.oci.descriptor import Descriptor
from dockmagic.oci.manifest import Index, Manifest
from dockmagic.oci.platform import Platform

if TYPE_CHECKING:
    from dockmagic.engine.session import Session
    from dockmagic.oci.reference import Reference
    from dockmagic.registry.repository import Fetched, Repository
    from dockmagic.store.arrival import Arrival

CONFIG_LIMIT = 8 << 20
DEPTH_LIMIT = 3
_LAYER_LIMIT = 1000
_TAGS, _TAGS_SHOWN = 1000, 5


def on_demand(
    session: Session, name: str, listener: Listener | None = None, *, wanted: str = "", again: bool = False
) -> str:
    """Pull an image that is needed and not here; returns its id.

    What is ``wanted`` for another platform than this machine's is kept beside what the name means here.

    A registry that could not be reached is not asked again for a minute, so that work without a network stays quick; with ``again``,
    which a user has to say, it is.

    Raises:
        NotFoundError: ``registries.toml`` forbids it, or no registry has it.
        RegistryError: as :func:`pull`.
        ArchiveError: as :func:`pull`.
    """
    target, registries = reference.parse_normalized(name), session.registries
    if registries.settings.pull == "never":
        raise NotFoundError("nothing is pulled that is not asked for by name: registries.toml says so")
    if target.domain == "localhost":
        raise NotFoundError("names of localhost are of images that were made here")
    if registries.is_unreachable(target.domain) and not again:
        raise UnreachableError("the registry could not be reached a moment ago")
    try:
        return fetched(
            session, target, wanted, listener, beside=bool(wanted) and platform.parse(wanted) != platform.here()
        )
    except UnreachableError:
        registries.note_unreachable(target.domain)
        raise


def fetched(
    session: Session,
    target: Reference,
    wanted: str,
    listener: Listener | None,
    *,
    beside: bool = False,
    kind: type[Pull] | None = None,
) -> str:
    """Pull an image and give it its name; returns its id.

    Each source is tried in turn; the registry itself is the last, and its error the one that is told. See
    :func:`dockmagic.engine.pull.pull` for what it raises.

    Args:
        session: what it works on.
        target: the image's name.
        wanted: the platform to take of several; "" for this machine's.
        listener: is told of what happens.
        beside: the name goes on meaning what it means here, and this image only where its platform is asked for.
        kind: how much is taken; None for one image.
    """
    chosen = platform.parse(wanted) if wanted else platform.here()
    missed: list[str] = []
    for source in session.registries.sources(target.domain):
        with session.registries.transport() as transport:
            repository = session.registries.repository(source, target.path, transport)
            work = (kind or Pull)(session, repository, target, chosen, beside=beside)
            try:
                image_id = attended(work.run, transport, listener)
            except (RegistryError, NotFoundError, ArchiveError) as error:
                missed.append(f"{source}: {error.message}")
                if source == target.domain:
                    error.detail = "\n".join([error.detail, *missed[:-1]]).strip()
                    raise
            else:
                session.registries.note_reachable(target.domain)
                return image_id
    raise NotFoundError("no registry has it")  # pragma: no cover - there is always the registry itself


@dataclass(frozen=True, slots=True)
class _Slot:
    """A layer on its way: of one that is here already there is nothing to wait for."""

    described: Descriptor
    stack: ExitStack
    arrival: Arrival | None
    filling: Future[None] | None


class Pull:
    """One image from one repository."""

    def __init__(
        self, session: Session, repository: Repository, target: Reference, wanted: Platform, *, beside: bool = False
    ) -> None:
        self._beside = beside
        self._session = session
        self._repository = repository
        self._target = target
        self._wanted = wanted

    def run(self, emit: Emit) -> str:
        """Pull it; returns the image's id."""
        image_id, is_same = self._take(*self._image_manifest(self._first()), emit)
        return self._named(image_id, is_same=is_same)

    def _named(self, image_id: str, *, is_same: bool) -> str:
        """Give the image its name; returns its id."""
        store, target = self._session.store, self._target
        if self._beside:
            store.images.add_variant(target.full, str(self._wanted), image_id)
        else:
            store.images.tag(target.full, image_id)
        if not is_same:
            store.leases.sweep()
        return image_id

    def _take(self, fetched: Fetched, manifest: Manifest, emit: Emit) -> tuple[str, bool]:
        """Take an image in, without a name.

        Returns:
            Its id; and False where it was here with another manifest, whose blobs may be wanted no more.
        """
        store, target = self._session.store, self._target
        _require_image(manifest)
        content = self._repository.blob(manifest.config, CONFIG_LIMIT)
        config = configs.parse(content)
        digests.require_stored(*config.diff_ids)
        if len(manifest.layers) != len(config.diff_ids):
            raise ArchiveError("the image's config and its manifest differ in the number of layers")
        layers = tuple((layer.digest, layer.size) for layer in manifest.layers)
        emit(PullStarted(name=target.familiar, digest=fetched.digest, layers=layers))
        self._take_layers(manifest, config, emit)
        kept = store.blobs.put(content, media_type=mediatype.CONFIG)
        described = store.blobs.put(fetched.content, media_type=fetched.media_type)
        known = store.images.resolve(kept.digest)
        before = store.images.get(known).manifest_digest if known is not None else described.digest
        # The newest manifest is the image's, unless a blob that it names is not kept: a layer keeps one.
        image_id = store.images.add(
            kept.digest, described.digest, config.diff_ids, newest=self._has_all(manifest, config)
        )
        return image_id, before == described.digest

    def _has_all(self, manifest: Manifest, config: ImageConfig) -> bool:
        blobs = self._session.store.blobs
        return all(
            layer.digest == diff_id or blobs.has(layer.digest)
            for layer, diff_id in zip(manifest.layers, config.diff_ids, strict=True)
        )

    def _first(self) -> Fetched:
        """What the registry has under the name: a manifest or an index."""
        target, tag = self._target, self._target.tag or reference.DEFAULT_TAG
        name = target.full.removeprefix(f"{target.domain}/").removeprefix("library/")
        try:
            return self._repository.manifest(target.digest or tag, what=f"the image {name}")
        except NotFoundError as error:
            if not target.digest:
                error.hint = self._others(tag)
            raise

    def _others(self, tag: str) -> str:
        """The tags that a mistyped one may have meant; "" where the registry does not say."""
        try:
            tags = self._repository.tags(_TAGS, most_pages=1)
        except (RegistryError, NotFoundError):
            return ""
        near = difflib.get_close_matches(tag, tags, _TAGS_SHOWN) or tags[:_TAGS_SHOWN]
        return f"it has the tags {', '.join(near)}{' and others' if len(tags) > len(near) else ''}" if near else ""

    def _image_manifest(self, found: Fetched) -> tuple[Fetched, Manifest]:
        """The manifest of the wanted platform, behind any indexes."""
        behind = self._behind(found, DEPTH_LIMIT)
        if behind is None:
            raise choice.missing(found.parsed.manifests if isinstance(found.parsed, Index) else (), self._wanted)
        return behind

    def _behind(self, found: Fetched, depth: int) -> tuple[Fetched, Manifest] | None:
        if isinstance(found.parsed, Manifest):
            return found, found.parsed
        if depth == 0:
            raise ArchiveError("indexes within indexes, too deep")
        children = map(self._repository.child, choice.candidates(found.parsed.manifests, self._wanted))
        return next(filter(None, (self._behind(child, depth - 1) for child in children)), None)

    def _take_layers(self, manifest: Manifest, config: ImageConfig, emit: Emit) -> None:
        """Fetch several layers at once, and extract them in their order while they come."""
        parallel = self._session.registries.settings.parallel
        waiting = deque(enumerate(manifest.layers))
        slots: deque[_Slot] = deque()
        with ThreadPoolExecutor(parallel, "dockmagic-pull") as threads:
            try:
                for number, diff_id in enumerate(config.diff_ids):
                    while waiting and len(slots) < parallel:
                        slots.append(self._begin(*waiting.popleft(), config, threads, emit))
                    self._finish(slots[0], diff_id, config.diff_ids[:number], emit)
                    slots.popleft()
            except BaseException as error:
                self._repository.client.transport.stop()
                for slot in slots:
                    if slot.filling is not None:
                        slot.filling.cancel()
                    if slot.arrival is not None:
                        slot.arrival.fail(error)
                raise
            finally:
                threads.shutdown()
                for slot in slots:
                    slot.stack.close()

    def _begin(
        self, number: int, described: Descriptor, config: ImageConfig, threads: ThreadPoolExecutor, emit: Emit
    ) -> _Slot:
        layers, diff_ids = self._session.store.layers, config.diff_ids
        stack = ExitStack()
        if layers.held(described, diff_id=diff_ids[number], below=diff_ids[:number]) is not None:
            return _Slot(described, stack, None, None)
        arrival = stack.enter_context(layers.arriving(described))
        stream = self._repository.stream(described, Progress(emit, described.digest, described.size).take)
        stack.callback(stream.close)
        return _Slot(described, stack, arrival, threads.submit(arrival.fill, stream))

    def _finish(self, slot: _Slot, diff_id: str, below: tuple[str, ...], emit: Emit) -> None:
        if slot.arrival is not None and slot.filling is not None:
            self._session.store.layers.add_arriving(slot.arrival, diff_id=diff_id, below=below)
            slot.filling.result()
        slot.stack.close()
        emit(LayerPulled(digest=slot.described.digest, size=slot.described.size, present=slot.arrival is None))


def _require_image(manifest: Manifest) -> None:
    if manifest.config.media_type not in mediatype.CONFIGS:
        raise ArchiveError(
            f"the registry has something under that name that is no image: {manifest.config.media_type[:80]!r}"
        )
    digests.require_stored(manifest.config.digest)
    for layer in manifest.layers:
        digests.require_stored(layer.digest)
        if layer.media_type not in mediatype.LAYERS | mediatype.FOREIGN:
            raise ArchiveError(f"a layer of a kind that is not supported: {layer.media_type[:80]!r}")
    if len(manifest.layers) > _LAYER_LIMIT:
        raise ArchiveError(f"an image of more than {_LAYER_LIMIT:,} layers")
