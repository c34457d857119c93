"""Stores, tars and images for tests."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile

from dockmagic.layers.inprocess import InProcessOwner
from dockmagic.oci.config import History, ImageConfig
from dockmagic.store import Store

EPOCH = 315532800


def open_store(home, scheme="range-0"):
    """A store whose jobs run in this process."""
    return Store.open(home, InProcessOwner(home / "roots" / scheme, scheme))


def tar_of(files):
    """A tar of files, by name: bytes, or a TarInfo's fields."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.mtime = 1_000_000_000
            data = b""
            if isinstance(content, bytes):
                data = content
                member.size = len(data)
            else:
                for key, value in content.items():
                    setattr(member, key, value)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def sha256(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def add_image(store, *contents, name=""):
    """An image of one layer for each mapping of files."""
    records = [store.layers.add_tar(tar_of(files)) for files in contents]
    return image_of(store, records, name=name)


def image_of(store, records, *, name="", **config):
    """An image of stored layers."""
    made = ImageConfig(
        architecture="amd64",
        os="linux",
        diff_ids=tuple(record.diff_id for record in records),
        history=tuple(History(created_by=f"COPY {n}") for n, _ in enumerate(records)),
        **config,
    )
    image_id = store.images.put(made, made.diff_ids)
    if name:
        store.images.tag(name, image_id)
    return image_id


def build_upper(store, directory, files):
    """Fill a writable layer below the scheme's root; returns its path there."""
    root = store.path / "roots" / "range-0"
    upper = root / directory / "upper"
    upper.mkdir(parents=True)
    upper.chmod(0o755)
    for name, content in files.items():
        path = upper / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return str(upper.relative_to(root))


def adopt(store, files, lowers=()):
    """A built layer of these files."""
    with store.scratch() as directory:
        upper = build_upper(store, directory, files)
        return store.layers.adopt(upper, lowers=lowers, epoch=EPOCH)


def docker_archive(images):
    """A tar as ``docker save`` writes it; (config, layers, names) of each image."""
    files, rows = {}, []
    for config, layers, names in images:
        paths = [f"{sha256(layer)[7:]}/layer.tar" for layer in layers]
        files.update(zip(paths, layers, strict=True))
        content = json.dumps(config).encode()
        files[f"{sha256(content)[7:]}.json"] = content
        rows.append({"Config": f"{sha256(content)[7:]}.json", "Layers": paths, "RepoTags": names})
    files["manifest.json"] = json.dumps(rows).encode()
    return tar_of(files)


def config_of(layers, **more):
    """A config of uncompressed layers."""
    return {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [sha256(layer) for layer in layers]},
        **more,
    }
