"""Images of the store as values, and the verbs that only look at them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from dockmagic.builder import bases
from dockmagic.builder.history import instruction_of
from dockmagic.changes import LayerChanges
from dockmagic.engine.command import Defaults
from dockmagic.errors import UsageError
from dockmagic.oci import platform as platforms
from dockmagic.oci import reference as references
from dockmagic.oci import transport
from dockmagic.oci.config import ImageConfig
from dockmagic.record.escape import instruction_line
from dockmagic.results import HistoryEntry, Image, Layer
from dockmagic.table import Table, decimal_size, shortened

if TYPE_CHECKING:
    from dockmagic.engine.session import Session
    from dockmagic.engine.transfer import Listener
    from dockmagic.store.images import ImageRecord
    from dockmagic.store.layer_rows import LayerRecord


def find(session: Session, name: str | Image, *, pull: bool = False) -> ImageRecord:
    """The image of that name, id or id's beginning.

    ``localhost/base`` and ``localhost/python`` are made from this machine when they are not there yet.

    Args:
        session: where to look.
        name: as the user wrote it.
        pull: pull it from its registry when it is not there.

    Raises:
        NotFoundError: there is none.
    """
    if isinstance(name, Image):
        return bases.find(session.store, name.id, epoch=session.epoch)
    return bases.find(session.store, name, epoch=session.epoch, puller=puller(session) if pull else None)


def wanted(session: Session, image: str | Image, *, pull: str = "missing", platform: str = "") -> ImageRecord:
    """The image that a container is made of.

    Args:
        session: where to look.
        image: as the user wrote it, or itself.
        pull: whether its registry is asked: ``"missing"``, ``"always"`` or ``"never"``.
        platform: that it must be for; "" for this machine's.

    Raises:
        NotFoundError: there is none.
        UsageError: a platform whose programs nothing here runs, or a word that is none of these three.
        RegistryError: the registry that was asked failed.
    """
    if pull not in {"missing", "always", "never"}:
        raise UsageError(f'--pull "{pull}" is none of missing, always, never')
    if platform:
        asked = platforms.parse(platform)
        require_runnable(ImageConfig(architecture=asked.architecture, os=asked.os))
    if pull == "always" and isinstance(image, str) and _is_of_a_registry(image):
        return session.store.images.get(puller(session, anew=True)(image, platform))
    name = image.id if isinstance(image, Image) else image
    fetch = puller(session) if pull != "never" and not isinstance(image, Image) else None
    return bases.find(session.store, name, epoch=session.epoch, puller=fetch, platform=platform)


def _is_of_a_registry(name: str) -> bool:
    return transport.parse(name) is None and references.parse_normalized(name).domain != "localhost"


def puller(session: Session, listener: Listener | None = None, *, anew: bool = False) -> bases.Puller:
    """What pulls an image that is missing, or ``anew`` any that is asked for; what talks to registries is loaded only then."""

    def pull(name: str, wanted: str) -> str:
        from dockmagic.engine.fetch import on_demand  # noqa: PLC0415 - HTTP and TLS are slow to import

        return on_demand(session, name, listener, wanted=wanted, again=anew)

    return pull


def require_runnable(config: ImageConfig) -> tuple[str, ...]:
    """Refuse an image whose programs neither this machine nor an emulator runs; one that does not say is let through.

    Returns:
        What a run should say of it, in words.

    Raises:
        UsageError: it is for another platform.
    """
    here = platforms.architecture(os.uname().machine)
    system, architecture = config.os or "linux", config.architecture or here
    if (system, architecture) == ("linux", here):
        return ()
    from dockmagic.sandbox import emulation  # noqa: PLC0415 - rarely wanted

    # The kernel starts the programs of a machine's 32-bit side too, but no wall here knows their system calls.
    narrow = platforms.Platform(architecture=architecture).is_narrow(here)
    if system == "linux" and not narrow and emulation.runs(architecture):
        return (f"programs for linux/{architecture} run in an emulator",)
    raise UsageError(
        f"the image is for {system}/{architecture}, which this machine does not run",
        hint="%container pull without --platform fetches the one for this machine, where there is one;"
        " an emulator would have to be registered with binfmt_misc",
        detail=f"this machine is linux/{here}",
    )


def describe(session: Session, record: ImageRecord, names: Sequence[str] = (), *, notes: Sequence[str] = ()) -> Image:
    """A stored image as a value; ``names`` are those that the caller gave it or asked for it by."""
    entries = tuple(_history(session, record))
    return Image(
        id=record.id,
        tags=tuple(session.store.images.tags(record.id)),
        layers=tuple(entry.layer for entry in entries if entry.layer is not None),
        config=record.config.to_dict(),
        digest=record.manifest_digest,
        entries=entries,
        names=tuple(names),
        notes=tuple(notes),
        shared=record.id in session.store.images.shared(),
    )


def _history(session: Session, record: ImageRecord) -> Iterator[HistoryEntry]:
    """One entry a history row; layers without a row (the specification allows that) follow as unnamed."""
    remaining = list(record.diff_ids)
    below: list[str] = []
    for row in record.config.history:
        text = instruction_line(instruction_of(row))
        layer = None
        if not row.empty_layer and remaining:
            layer = layer_of(session, remaining.pop(0), text, tuple(below))
            below.append(layer.diff_id)
        yield HistoryEntry(
            created_by=row.created_by, instruction=text, layer=layer, created=row.created, comment=row.comment
        )
    for diff_id in remaining:
        yield HistoryEntry(created_by="", instruction="", layer=layer_of(session, diff_id, "", tuple(below)))
        below.append(diff_id)


def layer_of(session: Session, diff_id: str, instruction: str, below: tuple[str, ...]) -> Layer:
    """A stored layer as a value, as it stands on the layers ``below``, base first."""
    stored = session.store.layers.get(diff_id)
    return Layer(
        diff_id=diff_id,
        digest=stored.blob.digest if stored.blob else diff_id,
        size=stored.size,
        files=stored.files,
        instruction=instruction,
        changes=LayerChanges(lambda: (session.store.layers.changes(diff_id, below), stored.size)),
        host_made=stored.host_made,
        volatile=_is_volatile(stored, instruction),
    )


def _is_volatile(stored: LayerRecord, instruction: str) -> bool:
    """RUN made it, or, among layers that were made here, a committed container: what a process writes can vary."""
    keyword = instruction.partition(" ")[0]
    made_here = stored.tree_digest == stored.diff_id and not stored.host_made
    return keyword == "RUN" or (made_here and keyword not in {"COPY", "ADD", "WORKDIR"})


def stop_signal(config: ImageConfig) -> str:
    """The image's STOPSIGNAL, or ""."""
    return config.config.stop_signal or ""


def defaults(config: ImageConfig) -> Defaults:
    """What the image says about its processes."""
    process = config.config
    return Defaults(
        entrypoint=tuple(process.entrypoint or ()),
        cmd=tuple(process.cmd or ()),
        shell=tuple(process.shell or ()),
        env=tuple(process.env or ()),
        user=process.user or "",
        workdir=process.working_dir or "",
    )


def images(session: Session, choose: Callable[[Iterable[Image]], Sequence[Image]] = tuple) -> Table[Image]:
    """Images of the store, newest first, those without a name too; those of a shared store are marked.

    Args:
        session: where they are.
        choose: takes those that are wanted of all.
    """
    values = tuple(choose(describe(session, record) for record in session.store.images.list()))
    elsewhere = session.store.images.of_variants()
    marked = any(value.shared for value in values)
    return Table(
        columns=("IMAGE", "ID", "LAYERS", "SIZE", *(("STORE",) if marked else ())),
        items=values,
        rows=tuple(
            (
                ", ".join(i.tags) or elsewhere.get(i.id, "<none>"),
                i.short_id.removeprefix("sha256:"),
                str(len(i.layers)),
                decimal_size(i.size),
                *((("shared" if i.shared else "own"),) if marked else ()),
            )
            for i in values
        ),
    )


def layers(session: Session, name: str | Image) -> Table[Layer]:
    """The layers of an image, newest first, as the record stacks them."""
    values = tuple(reversed(describe(session, find(session, name)).layers))
    return Table(
        columns=("LAYER", "FILES", "SIZE"),
        items=values,
        rows=tuple((shortened(v.instruction), *v.told) for v in values),
    )


def history(session: Session, name: str | Image) -> Table[HistoryEntry]:
    """The rows of an image's history, newest first."""
    return describe(session, find(session, name)).history()
