"""Stores, tars and images for tests: the public ones, and upper directories as a build leaves them."""

from __future__ import annotations

from dockmagic.testing import add_image, docker_archive, image_of, sha256, tar_of
from dockmagic.testing import open_store as open_with_scheme

EPOCH = 315532800

__all__ = [
    "EPOCH",
    "add_image",
    "adopt",
    "build_upper",
    "config_of",
    "docker_archive",
    "image_of",
    "open_store",
    "sha256",
    "tar_of",
]


def open_store(home, scheme="range-0"):
    """A store of a range of ids, whoever runs the test."""
    return open_with_scheme(home, scheme)


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


def config_of(layers, **more):
    """A config of uncompressed layers."""
    return {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [sha256(layer) for layer in layers]},
        **more,
    }
