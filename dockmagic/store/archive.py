"""Images from archives into the store and out of it again, and root file systems as images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, overload

from dockmagic.errors import ArchiveError, UsageError
from dockmagic.oci import mediatype, reference
from dockmagic.oci.config import ContainerConfig, History, ImageConfig
from dockmagic.oci.platform import here
from dockmagic.store.archive_images import images_in
from dockmagic.store.archive_input import Source, given, opened
from dockmagic.store.archive_medium import Medium
from dockmagic.store.archive_output import Target, write_directory, write_tar
from dockmagic.store.archive_parts import Parts
from dockmagic.store.archive_sources import ImageSource, Named, Wanted, blob_name
from dockmagic.store.blobs import Blobs
from dockmagic.store.images import ImageRecord, Images
from dockmagic.store.layer_rows import LayerRecord
from dockmagic.store.layers import Layers
from dockmagic.store.layout import Layout
from dockmagic.store.layout_directory import LayoutDirectory
from dockmagic.store.variants import WholeIndex

IMPORTED = "imported root file system"
_OWN: Mapping[str, str] = {}
Form = Literal["docker-archive", "oci-archive", "oci-dir"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A name that another image bore before.

    Attributes:
        name: in docker's familiar form.
        before: the image that lost it.
    """

    name: str
    before: str


@dataclass(frozen=True, slots=True)
class Loaded(Sequence[str]):
    """Ids of the images that an archive held, in its order.

    Attributes:
        ids: the ids.
        moved: names that another image bore before; ``docker load`` tells of them.
        names: by id, the names that the archive gives, in docker's familiar form.
    """

    ids: tuple[str, ...]
    moved: tuple[Moved, ...] = ()
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Count of images."""
        return len(self.ids)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        """The id, or a tuple of ids."""
        return self.ids[index]


class Archive:
    """The room of archives."""

    def __init__(self, layout: Layout, blobs: Blobs, layers: Layers, images: Images) -> None:
        self._layout = layout
        self._blobs = blobs
        self._layers = layers
        self._images = images
        self._parts = Parts(blobs, layers)

    def save(
        self,
        images: Sequence[tuple[str, Sequence[str]]],
        target: Target,
        form: Form = "docker-archive",
        *,
        manifests: Mapping[str, str] = _OWN,
    ) -> None:
        """Write images; the caller holds leases on them.

        Manifests keep their digests: a layer that came in an archive or from a registry goes out as the same blob, a built one
        uncompressed. The same images and names give the same bytes.

        Args:
            images: id and names of each, each image once.
            target: a path, or a binary stream for what is a tar; a file of that name is replaced when all is written.
            form: ``"docker-archive"`` is a tar that docker, podman and every OCI tool reads, ``"oci-archive"`` is without docker's
                ``manifest.json``, ``"oci-dir"`` is the same as a directory, which must be new or empty.
            manifests: digests of those that go out in place of an image's own, by the image's id.

        Raises:
            NotFoundError: there is no such image.
            ArchiveError: the target cannot be written.
            StoreError: something of an image is missing or damaged; a file of that name is as it was.
        """
        found = self._records(images, manifests)
        groups = {name: self._together(name) for _, names in images for name in names}
        wholes = {name: index for name in groups if (index := self._images.index(name)) is not None}
        parts = self._parts.of(
            found,
            docker=form == "docker-archive",
            groups={name: group for name, group in groups.items() if group},
            wholes={name: self._blobs.read(index.digest) for name, index in wholes.items()},
        )
        if form != "oci-dir":
            write_tar(parts, target)
        elif isinstance(target, str | Path):
            write_directory(parts, Path(target))
        else:
            raise UsageError("an OCI layout directory needs a path")

    def _records(
        self, images: Sequence[tuple[str, Sequence[str]]], manifests: Mapping[str, str]
    ) -> list[tuple[ImageRecord, Sequence[str]]]:
        known = [(self._images.get(image_id), names) for image_id, names in images]
        return [(replace(r, manifest_digest=manifests.get(r.id, r.manifest_digest)), names) for r, names in known]

    def _together(self, name: str) -> dict[str, ImageRecord]:
        """The images that a name stands for on several platforms."""
        found = self._images.variants(name, together=True)
        return {each: self._images.get(image_id) for each, image_id in found.items()}

    def add(
        self, images: Sequence[tuple[str, Sequence[str]]], target: Path, *, manifests: Mapping[str, str] = _OWN
    ) -> None:
        """Write images to an OCI layout directory, which may hold others; arguments as of :meth:`save`.

        Raises:
            NotFoundError: there is no such image.
            ArchiveError: the directory holds other things, or cannot be written.
            StoreError: something of an image is missing or damaged.
        """
        self._parts.add_to(LayoutDirectory(target), self._records(images, manifests))

    def load(
        self,
        source: Source,
        wanted: Wanted | None = None,
        *,
        names: bool = True,
        most: int = 0,
        reads_known: bool = True,
    ) -> Loaded:
        """Take the images of a docker archive, an OCI archive or an OCI layout directory, with their names.

        Every digest and size in it is verified. Names move only when all images are stored.

        Args:
            source: path, or a binary stream, which need not be seekable; gzip and zstd are understood.
            wanted: which of its images; None for all, of several platforms this machine's.
            names: the images get the names that they bear there.
            most: how many images it may be, 0 for any number.
            reads_known: layers are read and verified that are here already by the digest that the archive names.

        Raises:
            ArchiveError: it is corrupt, hostile or no archive of images, or has none that is wanted; the store is as it was.
        """
        wanted = wanted or Wanted(platform=here())
        with opened(source, self._layout) as medium:
            sources = images_in(medium, wanted)
            count = len({image.config_bytes for named in sources for image in named.images.values()})
            if most and count > most:
                raise ArchiveError(f"the archive holds {count} images, and one is wanted", hint=_offered(sources))
            held: list[str] = []
            try:
                for image in (image for named in sources for image in named.images.values()):
                    self._take_layers(medium, image, held, reads_known=reads_known)
                rest = [self._take_rest(medium, named, held) for named in sources]
                found = [
                    {key: self._take_image(image, held) for key, image in named.images.items()} for named in sources
                ]
            except BaseException:
                self._layers.let_go(*held)
                raise
        moved = [
            Moved(name=self._images.familiar(tag), before=before)
            for named, ids, index in zip(sources, found, rest, strict=True)
            for tag in (named.tags if names else ())
            if (before := self._name(tag, named, ids, index)) is not None
        ]
        borne: dict[str, tuple[str, ...]] = {}
        for named, ids in zip(sources, found, strict=True):
            own = ids[named.own]
            tags = map(self._images.familiar, named.tags if names else ())
            borne[own] = tuple(dict.fromkeys((*borne.get(own, ()), *tags)))
        return Loaded(tuple(dict.fromkeys(i for ids in found for i in ids.values())), tuple(moved), borne)

    def _name(self, tag: str, named: Named, ids: Mapping[str, str], index: WholeIndex | None) -> str | None:
        """Give a name to what it stands for in an archive; the id of another image that lost it."""
        if index is None and len(ids) == 1:
            return self._images.tag(tag, ids[named.own])
        return self._images.name_together(tag, ids, ids[named.own], index=index)

    def _take_rest(self, medium: Medium, named: Named, held: list[str]) -> WholeIndex | None:
        """Keep an index, and what it leads to that is no image, as they are."""
        if named.index is None:
            return None
        kept = self._blobs.put(named.index, media_type=named.media_type)
        held.append(kept.digest)
        blobs = set()
        for described in named.rest:
            with medium.open(blob_name(described)) as stream:
                blobs.add(self._blobs.put(stream, described).digest)
        held += blobs
        for image in named.images.values():
            blobs |= image.blobs
        return WholeIndex(digest=kept.digest, blobs=frozenset(blobs))

    def _take_layers(self, medium: Medium, image: ImageSource, held: list[str], *, reads_known: bool) -> None:
        diff_ids = image.config.diff_ids
        for number, (layer, diff_id) in enumerate(zip(image.layers, diff_ids, strict=True)):
            below, stored = diff_ids[:number], None
            if layer.expected is not None and not reads_known:
                stored = self._layers.held(layer.expected, diff_id=diff_id, below=below)
            if stored is None:
                with medium.open(layer.name) as stream:
                    stored = self._layers.add_tar(stream, expected=layer.expected, diff_id=diff_id, below=below)
            held += _digests(stored)
            if layer.expected is not None:
                held.append(layer.expected.digest)

    def _take_image(self, image: ImageSource, held: list[str]) -> str:
        if image.manifest_bytes is None:
            return self._images.put_bytes(image.config_bytes, image.config.diff_ids)
        config = self._blobs.put(image.config_bytes, media_type=mediatype.CONFIG)
        manifest = self._blobs.put(image.manifest_bytes, media_type=image.media_type)
        held += [config.digest, manifest.digest]
        return self._images.add(config.digest, manifest.digest, image.config.diff_ids)

    def import_rootfs(
        self, source: Source, name: str = "", config: ContainerConfig | None = None, *, message: str = ""
    ) -> str:
        """Make an image of one layer from the tar of a root file system; the same tar gives the same image.

        Args:
            source: path, or a binary stream, which need not be seekable; gzip and zstd are understood.
            name: a reference that it shall bear.
            config: how its processes are started.
            message: for its history.

        Returns:
            The image's id. It is for this machine's platform.

        Raises:
            UsageError: the name is not of docker's form.
            ArchiveError: it is no tar, or hostile; the store is as it was.
        """
        if name:
            reference.parse_normalized(name)
        with given(source) as stream:
            layer = self._layers.add_tar(stream)
        made = ImageConfig(
            architecture=here().architecture,
            os="linux",
            config=config or ContainerConfig(),
            diff_ids=(layer.diff_id,),
            history=(History(created_by=IMPORTED, comment=message),),
        )
        image_id = self._images.put(made, made.diff_ids)
        if name:
            self._images.tag(name, image_id)
        return image_id


def _offered(sources: Sequence[Named]) -> str:
    """How one of several is named."""
    names = ", ".join(name for named in sources for name in named.tags)[:200]
    return f"name one behind a colon: {names or '@0 is the first'}"


def _digests(layer: LayerRecord) -> list[str]:
    return [layer.diff_id] if layer.blob is None else [layer.diff_id, layer.blob.digest]
