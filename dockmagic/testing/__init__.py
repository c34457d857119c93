"""Public doubles for tests of what is built on dockmagic: course checkers, extensions, dockmagic itself.

Nothing here starts a container or leaves this machine; what is stored is stored for real, in a directory that you name.
"""

from __future__ import annotations

from dockmagic.api.expect import Expect
from dockmagic.testing.images import add_image, docker_archive, image_of, random_image, random_layer, sha256, tar_of
from dockmagic.testing.registry import FakeRegistry
from dockmagic.testing.runtime import RecordingRuntime, Scripted
from dockmagic.testing.stores import open_store

__all__ = [
    "Expect",
    "FakeRegistry",
    "RecordingRuntime",
    "Scripted",
    "add_image",
    "docker_archive",
    "image_of",
    "open_store",
    "random_image",
    "random_layer",
    "sha256",
    "tar_of",
]
