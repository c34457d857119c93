"""Layers, images and archives made of bytes, and random ones from a seed: the same seed gives the same digests."""

from __future__ import annotations

import hashlib
import io
import json
import random
import tarfile
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dockmagic.oci.config import History, ImageConfig

if TYPE_CHECKING:
    from dockmagic.store import Store
    from dockmagic.store.layer_rows import LayerRecord

Files = Mapping[str, bytes | Mapping[str, Any]]
"""By path: a file's content, or the fields of a ``tarfile.TarInfo`` (``{"type": tarfile.DIRTYPE, "mode": 0o700}``)."""

_MTIME = 1_000_000_000
_LARGEST = 5000


def tar_of(files: Files) -> bytes:
    """An uncompressed tar of these files, in this order."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.mtime = _MTIME
            data = content if isinstance(content, bytes) else b""
            member.size = len(data)
            for key, value in {} if isinstance(content, bytes) else content.items():
                setattr(member, key, value)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def sha256(content: bytes) -> str:
    """The digest of ``content``: ``"sha256:…"``."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def add_image(store: Store, *contents: Files, name: str = "") -> str:
    """Store an image of one layer for each mapping of files, base first; returns its id."""
    return image_of(store, [store.layers.add_tar(tar_of(files)) for files in contents], name=name)


def image_of(store: Store, records: Sequence[LayerRecord], *, name: str = "", **config: Any) -> str:
    """Store an image of stored layers, base first; returns its id.

    Args:
        store: where.
        records: its layers.
        name: a name for it; "" for none.
        config: further fields of :class:`dockmagic.oci.config.ImageConfig`.
    """
    made = ImageConfig(
        architecture="amd64",
        os="linux",
        diff_ids=tuple(record.diff_id for record in records),
        history=tuple(History(created_by=f"COPY {number}") for number, _ in enumerate(records)),
        **config,
    )
    image_id = store.images.put(made, made.diff_ids)
    if name:
        store.images.tag(name, image_id)
    return image_id


def random_layer(store: Store, seed: int, *, files: int = 4) -> LayerRecord:
    """Store a layer of random files in a few directories, each of 0 to 5,000 bytes."""
    chance = random.Random(seed)  # noqa: S311 - nothing here is a secret; the same seed must give the same bytes
    names = [
        f"{chance.choice(['etc', 'srv', 'usr/share'])}/{number}-{chance.randrange(1000)}" for number in range(files)
    ]
    return store.layers.add_tar(tar_of({name: chance.randbytes(chance.randrange(_LARGEST)) for name in names}))


def random_image(store: Store, seed: int, *, layers: int = 3, name: str = "") -> str:
    """Store an image of random layers; returns its id."""
    return image_of(store, [random_layer(store, seed * 1000 + number) for number in range(layers)], name=name)


def docker_archive(images: Sequence[tuple[Mapping[str, Any], Sequence[bytes], Sequence[str]]]) -> bytes:
    """A tar as ``docker save`` writes it; of each image its config, the tars of its layers, and its names."""
    files: dict[str, bytes | Mapping[str, Any]] = {}
    rows = []
    for config, layers, names in images:
        paths = [f"{sha256(layer)[7:]}/layer.tar" for layer in layers]
        files.update(zip(paths, layers, strict=True))
        content = json.dumps(config).encode()
        files[f"{sha256(content)[7:]}.json"] = content
        rows.append({"Config": f"{sha256(content)[7:]}.json", "Layers": paths, "RepoTags": list(names)})
    files["manifest.json"] = json.dumps(rows).encode()
    return tar_of(files)
