"""What a build leaves besides its image in the store: ``-o``, ``--iidfile``, ``--metadata-file`` and ``--cache-to``.

The semantics are those of BuildKit's exporters. What can be known to fail is refused before anything is built.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockmagic.builder.exports import PLAIN, STREAM, CacheTo, Output
from dockmagic.engine import export
from dockmagic.errors import ArchiveError, DockmagicError, NotFoundError, UsageError
from dockmagic.layers.spreading import require_room, spread
from dockmagic.oci import mediatype, reference
from dockmagic.oci.descriptor import Descriptor
from dockmagic.store.archive_output import written

if TYPE_CHECKING:
    from dockmagic.engine.session import Session
    from dockmagic.results import Image
    from dockmagic.store.archive import Form
    from dockmagic.store.archive_output import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Products:
    """What is asked for.

    Attributes:
        outputs: where the image or its files go besides the store.
        iidfile: gets the image's id.
        metadata_file: gets what buildx's has, as JSON.
        cache_to: where the build's steps go.
    """

    outputs: tuple[Output, ...] = ()
    iidfile: Path | None = None
    metadata_file: Path | None = None
    cache_to: tuple[CacheTo, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A build that succeeded, as far as products need it.

    Attributes:
        names: of the image, whole.
        keys: by the mode of ``--cache-to``, the keys of its steps.
    """

    image: Image
    names: tuple[str, ...]
    keys: Mapping[str, Sequence[str]]


def prepare(products: Products, tags: Sequence[str] = ()) -> None:
    """Refuse what cannot be written; an old ``--iidfile`` is removed, as by docker, so that none is left of another build.

    Raises:
        UsageError: a place is of the wrong kind, or there is none.
        NotFoundError: the directory of a file is not there.
        ArchiveError: the old file cannot be removed.
    """
    for output in products.outputs:
        _require_place(output)
        _require_names(output, tags)
    files = (("--iidfile", products.iidfile), ("--metadata-file", products.metadata_file))
    for option, path in files:
        if path is not None:
            _require_file(option, path)
    for cache in products.cache_to:
        if _expanded(cache.dest).exists() and not _expanded(cache.dest).is_dir():
            raise UsageError(f"--cache-to {cache.dest}: a file stands there, and a directory is needed")
    if products.iidfile is not None:
        try:
            _expanded(products.iidfile).unlink(missing_ok=True)
        except OSError as error:
            raise ArchiveError(f"--iidfile {products.iidfile} cannot be written", hint=error.strerror or "") from None


def write(session: Session, products: Products, finished: Finished) -> tuple[str, ...]:
    """Write everything, each under its name only when it is whole.

    Returns:
        Notes: what was left out.

    Raises:
        ArchiveError: something cannot be written.
        ConflictError: a file or directory of another kind stands where one of the image goes.
        StoreError: something of the image is missing or damaged.
    """
    notes: list[str] = []
    for output in products.outputs:
        notes += _write(session, output, finished)
    sent = push(session, products, finished.names, {"": finished.image.id}, finished.image.id)
    for cache in products.cache_to:
        notes += _write_cache(session, cache, finished)
    if products.iidfile is not None:
        with written(_expanded(products.iidfile)) as out:
            out(finished.image.id.encode())
    if products.metadata_file is not None:
        with written(_expanded(products.metadata_file)) as out:
            out(json.dumps(_metadata(session, finished, sent), indent=2, sort_keys=True).encode())
    return tuple(notes)


def push(
    session: Session, products: Products, names: Sequence[str], built: Mapping[str, str], own: str
) -> Descriptor | None:
    """Push what was built by every name of each output that asks for it.

    Args:
        session: what it works on.
        products: with the outputs.
        names: where outputs go that have no names of their own.
        built: the images' ids, by platform; "" for one that goes without an index.
        own: the id of the one that a name means here.

    Returns:
        The descriptor of the manifest that registries have now; None where none was sent, or several images as an index.

    Raises:
        DeniedError, RegistryError: as :func:`dockmagic.engine.push.push`.
    """
    sent = None
    for output in products.outputs:
        if output.push:
            from dockmagic.engine.push import push_built  # noqa: PLC0415 - HTTP and TLS are slow to import

            for name in output.names or names:
                digest, sent = push_built(session, name, output, built)
                if output.canonical:
                    session.store.images.tag(f"{reference.parse_normalized(name).name}@{digest}", own)
    return sent


def _require_names(output: Output, tags: Sequence[str]) -> None:
    """Refuse an output that cannot go where it is to be pushed."""
    if output.push and not (output.names or tags):
        raise UsageError("an image is pushed by its name, and it has none", hint="-t registry.example/you/image:1")
    if output.canonical and not output.push:
        raise UsageError(
            "-o: name-canonical=true names what a registry has, and nothing is pushed", hint="add push=true"
        )
    for name in (output.names or tags) if output.by_digest else ():
        found = reference.parse_normalized(name)
        if found.tag or found.digest:
            raise UsageError(
                f"-o: push-by-digest=true sends an image without a tag, and {name} has one",
                hint=f"name={found.familiar_name}",
            )


def _require_place(output: Output) -> None:
    if output.dest == STREAM:
        if output.stream is None:
            raise UsageError(
                "-o: there is no standard output for an archive here", hint=f"type={output.kind},dest=FILE names a file"
            )
        return
    if not output.dest:
        return
    path = _expanded(Path(output.dest))
    if output.kind != "local" and output.tar:
        _require_file("-o", Path(output.dest))
    elif path.exists() and not path.is_dir():
        raise UsageError(f"-o {output.dest}: a file stands there, and a directory is needed")
    elif path.resolve() == Path("/"):
        raise UsageError("-o /: this machine's own root is no place for an image's files", hint="name a directory")


def _require_file(option: str, given: Path) -> None:
    path = _expanded(given)
    if path.is_dir():
        raise UsageError(f"{option} {given}: a directory stands there, and a file is needed")
    if not path.parent.is_dir():
        raise NotFoundError(f"{option} {given}: there is no such directory")


def _write(session: Session, output: Output, finished: Finished) -> Sequence[str]:
    names = tuple(reference.parse_normalized(name).full for name in output.names) or finished.names
    if not output.dest:
        for name in names if output.kind in {"image", "docker"} and not output.by_digest else ():
            session.store.images.tag(name, finished.image.id)
        return ()
    if output.kind == "local":
        return _local(session, finished.image, output)
    target: Target = output.stream or _expanded(Path(output.dest))
    if output.kind == "tar":
        export.export(session, finished.image, target)
        return ()
    images, store = [(finished.image.id, names)], session.store
    with store.leases.hold("save", finished.image.id), _manifests(session, finished.image, output) as manifests:
        if output.tar:
            form: Form = "docker-archive" if output.kind == "docker" else "oci-archive"
            store.archive.save(images, target, form, manifests=manifests)
        else:
            store.archive.add(images, _expanded(Path(output.dest)), manifests=manifests)
    return ()


@contextmanager
def _manifests(session: Session, image: Image, output: Output) -> Iterator[Mapping[str, str]]:
    """The manifest that goes out in place of the image's own, where another compression is asked for."""
    if output.packing in {PLAIN, replace(PLAIN, compression="uncompressed")}:
        yield {}
        return
    from dockmagic.engine.packing import descriptor, packed  # noqa: PLC0415 - with it comes what talks to registries

    record = session.store.images.get(image.id)
    with packed(session.store, record, output.packing, usual="uncompressed") as given:
        yield {image.id: descriptor(*given).digest}


def _local(session: Session, image: Image, output: Output) -> Sequence[str]:
    directory = _expanded(Path(output.dest))
    if output.split:
        said = (image.config.get(name, "") for name in ("os", "architecture", "variant"))
        directory /= "_".join(filter(None, said))
    path = str(directory)
    with export.opened(session, image) as (entries, tar):
        require_room(path, entries)
        return [f"-o {output.dest} leaves the device {each} out" for each in spread(path, tar)]


def _write_cache(session: Session, cache: CacheTo, finished: Finished) -> Sequence[str]:
    store = session.store
    keys = finished.keys[cache.mode]
    rows = [row for key in keys if (row := store.cache.get(key)) is not None]
    held = store.leases.hold("cache", *(row.diff_id for row in rows if row.diff_id)) if rows else nullcontext()
    try:
        with held:
            store.cache_archive.write(keys, _expanded(cache.dest), tag=cache.tag, compressed=cache.compressed)
    except DockmagicError as error:
        if not cache.ignore_error:
            raise
        return (f"--cache-to {cache.dest} is not written: {error.message}",)
    return ()


def _metadata(session: Session, finished: Finished, sent: Descriptor | None) -> dict[str, Any]:
    """As buildx words it; what speaks of BuildKit's own daemon is not there. Of an image that was pushed it names what was sent."""
    content = session.store.blobs.read(finished.image.digest)
    own = Descriptor(media_type=_media_type(content), digest=finished.image.digest, size=len(content))
    described = sent or own
    found: dict[str, Any] = {
        "containerimage.config.digest": finished.image.id,
        "containerimage.descriptor": described.to_dict(),
        "containerimage.digest": described.digest,
    }
    if finished.names:
        found["image.name"] = ",".join(finished.names)
    return found


def _media_type(manifest: bytes) -> str:
    return str(json.loads(manifest).get("mediaType") or mediatype.MANIFEST)


def _expanded(path: Path) -> Path:
    return path.expanduser()
