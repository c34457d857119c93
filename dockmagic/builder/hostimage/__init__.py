"""Images that are assembled from this machine: ``localhost/base`` and ``localhost/python``; see ``docs/base-images.md``.

::

    tools    which programs, by package
    elf      what a program needs        loader   where it is found       source   files of the machine
    tree     the paths of a layer        collect  programs into a tree
    base     the first layer             python   the second
    image    the images in the store
"""

from __future__ import annotations

from dockmagic.builder.hostimage.image import NAMES, ensure, environment, is_host_image

__all__ = ["NAMES", "ensure", "environment", "is_host_image"]
