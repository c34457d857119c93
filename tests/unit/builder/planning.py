"""Plans of short Dockerfiles, without store or sandbox."""

from __future__ import annotations

from pathlib import Path

from dockmagic.builder.plan import draft, plan
from dockmagic.builder.request import BuildRequest
from dockmagic.oci.config import ContainerConfig, ImageConfig

EPOCH = 315532800
BASE = ContainerConfig(env=("PATH=/bin", "FROM_BASE=1"), cmd=("sh",), working_dir="/srv")


def request(text, **options):
    return BuildRequest(text=text, context=Path("/nowhere"), epoch=EPOCH, machine="amd64", **options)


def planned(text, *, base=BASE, **options):
    """The plan of a text whose images all have the config ``base``."""
    read = draft(request(text, **options))
    image = ImageConfig(architecture="amd64", os="linux", config=base)
    return plan(read, {base: image for base, _ in read.images()})


def rows(text, **options):
    """The rows of the wanted stage, FROM left out."""
    return planned(text, **options).stages[-1].rows[1:]


def last(text, **options):
    return rows(text, **options)[-1]


def config(text, **options):
    return planned(text, **options).stages[-1].scope.config
