"""One step: from the cache, or executed and put there."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace

from dockmagic.builder import bases, cache
from dockmagic.builder.actions import Action, RunAction, WorkdirAction
from dockmagic.builder.cache import Key, Place
from dockmagic.builder.mounts import Origin
from dockmagic.builder.platforms import platform_of
from dockmagic.builder.request import BuildRequest
from dockmagic.builder.steps import copy as copying
from dockmagic.builder.steps import mounting
from dockmagic.builder.steps import run as running
from dockmagic.builder.steps import workdir as workdirs
from dockmagic.builder.steps.gathering import gathered
from dockmagic.builder.steps.site import Site
from dockmagic.builder.transfers import CopyAction
from dockmagic.errors import NotFoundError
from dockmagic.sandbox.pump import Listener
from dockmagic.store.layer_rows import LayerRecord
from dockmagic.store.leases import Hold
from dockmagic.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What became of a step.

    Attributes:
        diff_id: of its layer, "" for none.
        executed: False for a WORKDIR that found its directory: it is a setting.
        cached: the layer was there already.
        reason: why it was not.
        notes: what was honoured more weakly than asked.
        network: that a RUN had, "" for what was not executed.
        key: of the step in the build cache, "" for none.
    """

    diff_id: str
    executed: bool = True
    cached: bool = False
    reason: str = ""
    notes: tuple[str, ...] = ()
    network: str = ""
    key: str = ""


def settle(hold: Hold, store: Store) -> None:
    """Hold what was found in the cache since this was called last.

    Raises:
        NotFoundError: another process has removed some of it before that.
    """
    if not all(map(store.layers.has, hold.settle())):
        raise NotFoundError("another process removed a layer that was found in the cache", hint="build it again")


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """A step that is to be made.

    Attributes:
        site: the layers below it.
        place: where it stands.
        sources: layers of the stages that are built, by the stage's number.
        hold: keeps what was built from being swept.
        listener: gets what RUN prints.
    """

    site: Site
    request: BuildRequest
    place: Place
    sources: Mapping[int, tuple[str, ...]]
    hold: Hold
    listener: Listener

    def made(self, action: Action | None) -> Made:
        """Take the step from the cache or execute it.

        Raises:
            DockmagicError: it failed; see :mod:`dockmagic.builder.steps`.
        """
        match action:
            case RunAction():
                return self._run(action)
            case CopyAction():
                return self._copy(action)
            case WorkdirAction():
                return self._workdir(action)
            case None:
                return Made(diff_id="", executed=False)

    def _cached(self, key: Key) -> Made | str:
        """What the cache has for a key, or why it has nothing."""
        found = self._found(key)
        if isinstance(found, Made):
            if found.diff_id:
                self.hold.later(found.diff_id)
        else:
            settle(self.hold, self.site.store)
        return found

    def _found(self, key: Key) -> Made | str:
        if self.request.no_cache:
            return "--no-cache"
        if self.place.stage in self.request.no_cache_filter:
            return "--no-cache-filter"
        store = self.site.store
        row = store.cache.get(key.digest)
        if row is not None and (not row.diff_id or store.layers.has(row.diff_id)):
            return Made(diff_id=row.diff_id, cached=True, key=key.digest)
        for source in self.request.imported:
            diff_id = source.take(key.digest, self.site.below)
            if diff_id is not None:
                self._remember(key, diff_id)
                return Made(diff_id=diff_id, cached=True, key=key.digest)
        return cache.miss(key, store.cache) if row is None else "the cached layer is gone"

    def _keep(self, key: Key, layer: LayerRecord | None, reason: str) -> Made:
        diff_id = layer.diff_id if layer is not None else ""
        self._remember(key, diff_id)
        return Made(diff_id=diff_id, reason=reason, key=key.digest)

    def _remember(self, key: Key, diff_id: str) -> None:
        self.site.store.cache.put(
            key.digest, diff_id, key.components, lineage=key.lineage, position=key.position, hold=self.hold
        )

    def _run(self, action: RunAction) -> Made:
        with ExitStack() as stack:
            mounts = mounting.look_up(self.site, action.mounts, self.request, self._origin, stack)
            words = [mount.words for mount in mounts]
            key = cache.run_key(action, words, self.site.below, self.place, epoch=self.site.epoch)
            found = self._cached(key)
            if isinstance(found, Made):
                return found
            ready = stack.enter_context(mounting.ready(self.site, mounts, self.request))
            network = running.network_of(self.site.runtime(), action.network)
            layer, notes = running.run(self.site, replace(action, network=network), ready, self.listener)
        shared = ("RUN shares the host's network",) if network == "host" else ()
        return replace(self._keep(key, layer, found), notes=(*notes, *shared), network=network)

    def _origin(self, origin: Origin) -> tuple[str, ...]:
        """The layers that a mount shows."""
        if origin.stage is not None:
            return self.sources[origin.stage]
        return self._layers(origin.image)

    def _layers(self, image: str) -> tuple[str, ...]:
        platform = platform_of(self.request)
        return bases.find(self.site.store, image, epoch=self.site.epoch, platform=platform).diff_ids

    def _copy(self, action: CopyAction) -> Made:
        with gathered(self.site, action, self.request, self._below(action)) as files:
            owner = action.chown
            if owner and action.link:
                owner = ":".join(map(str, copying.owner(self.site, action)))
            key = cache.copy_key(action, files.digest, owner, self.site.below, self.place, epoch=self.site.epoch)
            found = self._cached(key)
            if isinstance(found, Made):
                return replace(found, notes=files.unmatched)
            layer, notes = copying.copy(self.site, action, files.sources())
            return replace(self._keep(key, layer, found), notes=(*files.unmatched, *notes))

    def _below(self, action: CopyAction) -> tuple[str, ...] | None:
        if action.stage is not None:
            return self.sources[action.stage]
        if action.image:
            return self._layers(action.image)
        return None

    def _workdir(self, action: WorkdirAction) -> Made:
        if workdirs.exists(self.site, action):
            return Made(diff_id="", executed=False)
        key = cache.workdir_key(action, self.site.below, self.place, epoch=self.site.epoch)
        found = self._cached(key)
        if isinstance(found, Made):
            return found
        return self._keep(key, workdirs.make(self.site, action), found)
