"""Rows of images and their names.

An image is its config: the config's digest is its id. A built image's manifest names uncompressed layers, so it is known
before anything is compressed; a loaded image keeps the manifest that it came with.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from dockmagic.errors import ArchiveError, ConflictError, NotFoundError, UsageError
from dockmagic.oci import config as configs
from dockmagic.oci import manifest as manifests
from dockmagic.oci import mediatype, reference
from dockmagic.oci.config import ImageConfig
from dockmagic.oci.descriptor import Descriptor
from dockmagic.oci.manifest import Manifest
from dockmagic.oci.reference import Reference
from dockmagic.store.blobs import Blobs
from dockmagic.store.database import Database
from dockmagic.store.leases import FRESH, MADE, in_use, made_by_others, release, take
from dockmagic.store.neighbours import neighbours
from dockmagic.store.rows import (
    contents_of,
    image_of_name,
    image_of_tag,
    layers_of,
    name_blobs,
    require_layers,
    tar_size,
)
from dockmagic.store.variants import (
    WholeIndex,
    add_variants,
    forget_indexes_of,
    forget_variants,
    index_of,
    keep_index,
    names_of_variants,
    variants_of,
)

_ID_LENGTH = 64  # of an id without its algorithm, which is never read as a name
_ID = re.compile(r"(?:sha256:)?([0-9a-f]{4,64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecord:
    """An image as stored.

    Attributes:
        id: digest of the config's bytes.
        manifest_digest: digest of the manifest's bytes, a blob.
        config: the config.
        diff_ids: its layers, base first.
        order: grows with each image.
    """

    id: str
    manifest_digest: str
    config: ImageConfig = field(repr=False)
    diff_ids: tuple[str, ...]
    order: int


class Others(Protocol):
    """Shared stores whose images are here too; see :class:`dockmagic.store.shelf.Shelf`."""

    def names(self) -> dict[str, str]: ...
    def resolve(self, wanted: str) -> str | None: ...
    def mend(self, image_id: str) -> None: ...
    def take_all(self) -> None: ...


class Images:
    """The room of images.

    Args:
        database: the tables.
        blobs: where configs and manifests lie.
        shelf: shared stores, whose images are here too.
    """

    def __init__(self, database: Database, blobs: Blobs, shelf: Others | None = None) -> None:
        self._database = database
        self._blobs = blobs
        self._shelf = shelf

    def put(self, config: ImageConfig, diff_ids: Sequence[str]) -> str:
        """Store an image that was made here; its layers are stored already. One that is there already is success.

        Args:
            config: with the same layers in ``rootfs``.
            diff_ids: its layers, base first.

        Returns:
            Its id.

        Raises:
            StoreError: a layer was removed meanwhile, or the store cannot be written.
        """
        return self.put_bytes(config.to_bytes(), diff_ids)

    def put_bytes(self, content: bytes, diff_ids: Sequence[str]) -> str:
        """Store an image by the bytes of its config, with a manifest that names uncompressed layers; see :meth:`put`."""
        described = self._blobs.put(content, media_type=mediatype.CONFIG)
        with self._database.reading() as connection:
            require_layers(connection, diff_ids)
            sizes = [tar_size(connection, diff_id) for diff_id in diff_ids]
        layers = [
            Descriptor(media_type=mediatype.LAYER, digest=diff_id, size=size)
            for diff_id, size in zip(diff_ids, sizes, strict=True)
        ]
        manifest = self._blobs.put(
            Manifest(config=described, layers=tuple(layers)).to_bytes(), media_type=mediatype.MANIFEST
        )
        return self.add(described.digest, manifest.digest, diff_ids)

    def add(self, image_id: str, manifest_digest: str, diff_ids: Sequence[str], *, newest: bool = False) -> str:
        """Store an image whose config and manifest are blobs already; for what comes with its own manifest.

        Args:
            image_id: digest of the config.
            manifest_digest: of the manifest.
            diff_ids: its layers, base first.
            newest: an image that is there already gets this manifest; else it keeps the one that it has.

        Returns:
            The id.

        Raises:
            StoreError: a layer was removed meanwhile, or the store cannot be written.
        """
        named = self._named_blobs(manifest_digest)
        with self._database.writing() as connection:
            require_layers(connection, diff_ids)
            if not connection.execute("SELECT 1 FROM images WHERE id = ?", (image_id,)).fetchone():
                connection.execute(
                    "INSERT INTO images (id, manifest_digest) VALUES (?, ?)", (image_id, manifest_digest)
                )
                connection.executemany(
                    "INSERT INTO image_layers VALUES (?, ?, ?)",
                    [(image_id, position, diff_id) for position, diff_id in enumerate(diff_ids)],
                )
                name_blobs(connection, image_id, named)
            elif newest:
                connection.execute("UPDATE images SET manifest_digest = ? WHERE id = ?", (manifest_digest, image_id))
                name_blobs(connection, image_id, named)
            take(connection, MADE, [image_id])
            release(connection, FRESH, [image_id, manifest_digest, *contents_of(connection, diff_ids)])
        return image_id

    def _named_blobs(self, manifest_digest: str) -> tuple[str, ...]:
        """The blobs of layers that a manifest names."""
        try:
            found = manifests.parse(self._blobs.read(manifest_digest))
        except ArchiveError:
            return ()
        return tuple(layer.digest for layer in found.layers) if isinstance(found, Manifest) else ()

    def get(self, image_id: str) -> ImageRecord:
        """The image of that full id.

        Raises:
            NotFoundError: there is none.
            StoreCorruptError: its config is damaged.
        """
        with self._database.reading() as connection:
            row = connection.execute("SELECT * FROM images WHERE id = ?", (image_id,)).fetchone()
            diff_ids = layers_of(connection, image_id)
        if row is None:
            raise NotFoundError(f"image not found: {image_id}", hint="see %container images")
        return self._record(row, diff_ids)

    def list(self) -> list[ImageRecord]:
        """All images, newest first, those without a name too, and those that have a name in a shared store."""
        if self._shelf is not None:
            self._shelf.take_all()
        with self._database.reading() as connection:
            rows = connection.execute("SELECT * FROM images ORDER BY sequence DESC").fetchall()
            found = [(row, layers_of(connection, row["id"])) for row in rows]
        return [self._record(row, diff_ids) for row, diff_ids in found]

    def _record(self, row: sqlite3.Row, diff_ids: tuple[str, ...]) -> ImageRecord:
        return ImageRecord(
            id=row["id"],
            manifest_digest=row["manifest_digest"],
            config=configs.parse(self._blobs.read(row["id"])),
            diff_ids=diff_ids,
            order=row["sequence"],
        )

    def resolve(self, wanted: str) -> str | None:
        """The id of the image of that name, full id, or unique beginning of an id of at least 4 digits, as docker looks.

        What is not here is looked for in the shared stores, and then is here too.

        Raises:
            UsageError: it is neither a reference nor an id.
        """
        found = self._resolved(wanted)
        if self._shelf is None:
            return found
        if found is None:
            return self._shelf.resolve(wanted)
        self._shelf.mend(found)
        return found

    def _resolved(self, wanted: str) -> str | None:
        digits = _ID.fullmatch(wanted)
        with self._database.reading() as connection:
            if digits is None or not (wanted.startswith("sha256:") or len(wanted) == _ID_LENGTH):
                named = image_of_name(connection, wanted)
                if named is not None or digits is None:
                    return named
            rows = connection.execute(
                "SELECT id FROM images WHERE id GLOB ? LIMIT 2", (f"sha256:{digits.group(1)}*",)
            ).fetchall()
        return str(rows[0]["id"]) if len(rows) == 1 else None

    def tag(self, name: str, image_id: str) -> str | None:
        """Give an image a name; from then on the name means this image, for everyone at once.

        Returns:
            The id of another image that lost the name, None if there was none.

        Raises:
            UsageError: the name is not of docker's form.
            NotFoundError: there is no such image.
        """
        with self._database.writing() as connection:
            return _tag(connection, reference.parse_normalized(name).full, image_id)

    def add_variant(self, name: str, platform: str, image_id: str) -> None:
        """Note the image that a name means on another platform than the one whose image bears it.

        Raises:
            UsageError: the name is not of docker's form.
        """
        with self._database.writing() as connection:
            add_variants(connection, reference.parse_normalized(name).full, {platform: image_id}, together=False)

    def name_together(
        self, name: str, images: Mapping[str, str], own: str, *, index: WholeIndex | None = None
    ) -> str | None:
        """Give a name to images of several platforms at once, which go out under it as one index.

        Args:
            name: that they get.
            images: their ids, by platform.
            own: the id of the one that the name means here.
            index: what they came as; None where they go out as one of ours.

        Returns:
            The id of another image that lost the name, None if there was none.

        Raises:
            UsageError: the name is not of docker's form.
        """
        full = reference.parse_normalized(name).full
        with self._database.writing() as connection:
            before = _tag(connection, full, own)
            forget_variants(connection, full)
            add_variants(connection, full, images, together=True)
            if index is not None:
                keep_index(connection, full, index)
                release(connection, FRESH, (index.digest, *index.blobs))
        return before

    def index(self, name: str) -> WholeIndex | None:
        """The index that the images of a name came as, together; None where there is none, and for an id."""
        try:
            full = reference.parse_normalized(name).full
        except UsageError:
            return None
        with self._database.reading() as connection:
            return index_of(connection, full)

    def variants(self, name: str, *, together: bool = False) -> dict[str, str]:
        """The images that a name means on further platforms, by platform; "" for an id.

        Args:
            name: as the user wrote it.
            together: only those that go out with it as one index.
        """
        try:
            full = reference.parse_normalized(name).full
        except UsageError:
            return {}
        with self._database.reading() as connection:
            return variants_of(connection, full, together=together)

    def of_variants(self) -> dict[str, str]:
        """What an image is called that a name means on another platform: ``NAME (PLATFORM)``, by its id."""
        with self._database.reading() as connection:
            found = names_of_variants(connection)
        words = {image_id: name.partition(" ") for image_id, name in found.items()}
        return {image_id: f"{self.familiar(name)} {platform}" for image_id, (name, _, platform) in words.items()}

    def untag(self, name: str) -> bool:
        """Take a name away; False when nothing bore it.

        Raises:
            UsageError: the name is not of docker's form.
        """
        full = reference.parse_normalized(name).full
        with self._database.writing() as connection:
            forget_variants(connection, full)
            return connection.execute("DELETE FROM tags WHERE name = ?", (full,)).rowcount > 0

    def tags(self, image_id: str) -> list[str]:  # type: ignore[valid-type]  # "list" is the verb above here
        """The names of an image in docker's familiar form, sorted."""
        if self._shared_names():
            return sorted(self.familiar(name) for name, named in self.names().items() if named == image_id)
        with self._database.reading() as connection:
            rows = connection.execute("SELECT name FROM tags WHERE image_id = ?", (image_id,)).fetchall()
        return sorted(self.familiar(row["name"]) for row in rows)

    def names(self) -> dict[str, str]:
        """The image's id of every whole name, by name; the shared stores' names too, where no own one is the same."""
        return dict(sorted((self._shared_names() | self.own_names()).items()))

    def own_names(self) -> dict[str, str]:
        """The image's id of every whole name that this store itself has given."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT name, image_id FROM tags ORDER BY name").fetchall()
        return {row["name"]: row["image_id"] for row in rows}

    def neighbours(self, diff_ids: Sequence[str], target: Reference) -> dict[str, str]:
        """By DiffID, the path of another repository at the registry of ``target`` whose image has the layer."""
        shared = self._shared_names()
        with self._database.reading() as connection:
            return neighbours(connection, diff_ids, target, shared)

    def shared(self) -> frozenset[str]:
        """Ids of the images that have a name in a shared store."""
        return frozenset(self._shared_names().values())

    def _shared_names(self) -> dict[str, str]:
        return self._shelf.names() if self._shelf is not None else {}

    def familiar(self, name: str) -> str:
        """A name as docker shows it, with its tag.

        Raises:
            UsageError: the name is not of docker's form.
        """
        return reference.parse_normalized(name).familiar

    def delete_unnamed(self, image_id: str) -> bool:
        """As :meth:`delete`, of an image that has no name; False when it got one meanwhile, or is another process's own."""
        with self._database.writing() as connection:
            named = connection.execute("SELECT 1 FROM tags WHERE image_id = ?", (image_id,)).fetchone()
            if named is not None or image_id in names_of_variants(connection) or image_id in made_by_others(connection):
                return False
            _delete(connection, image_id)
        return True

    def delete(self, image_id: str) -> None:
        """Forget an image and its names; its content goes with the next sweep, unless something else has it.

        Raises:
            NotFoundError: there is none.
            ConflictError: a container was made of it, or a build uses it.
        """
        with self._database.writing() as connection:
            _delete(connection, image_id)


def _tag(connection: sqlite3.Connection, full: str, image_id: str) -> str | None:
    """Give a whole name to an image; returns another one that lost it.

    What the name meant together goes with it, and what it meant on other platforms when it now means another image.
    """
    if not connection.execute("SELECT 1 FROM images WHERE id = ?", (image_id,)).fetchone():
        raise NotFoundError(f"image not found: {image_id}", hint="see %container images")
    before = image_of_tag(connection, full)
    connection.execute("INSERT OR REPLACE INTO tags VALUES (?, ?)", (full, image_id))
    forget_variants(connection, full, together=before in {None, image_id})
    return before if before != image_id else None


def _delete(connection: sqlite3.Connection, image_id: str) -> None:
    user = connection.execute("SELECT name FROM containers WHERE image_id = ?", (image_id,)).fetchone()
    if user is not None:
        raise ConflictError(
            f"the image is used by container {user['name']}",
            hint=f"%container rm {user['name']} removes it first",
            detail=image_id,
        )
    if image_id in in_use(connection):
        raise ConflictError("the image is used by a build", hint="wait until that has ended", detail=image_id)
    forget_indexes_of(connection, image_id)
    if connection.execute("DELETE FROM images WHERE id = ?", (image_id,)).rowcount == 0:
        raise NotFoundError(f"image not found: {image_id}", hint="see %container images")
    connection.execute("DELETE FROM leases WHERE kind = ? AND digest = ?", (MADE, image_id))
