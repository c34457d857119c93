"""Stages that only the ONBUILD instructions of a base image need."""

from __future__ import annotations

import pytest

from dockmagic.builder import named
from dockmagic.builder.plan import draft
from dockmagic.builder.triggers import with_triggers
from dockmagic.errors import DockerfileError
from dockmagic.oci.config import ContainerConfig, ImageConfig
from tests.unit.builder.planning import last, request


def titles(text, *triggers, **options):
    """The stages that are needed when every base image has these triggers."""
    read = draft(request(text, **options))
    image = ImageConfig(architecture="amd64", os="linux", config=ContainerConfig(on_build=triggers))
    return [stage.title for stage in with_triggers(read, {base: image for base, _ in read.images()})]


def test_a_trigger_needs_stages_of_the_dockerfile_that_it_runs_in():
    text = "FROM a AS make\nFROM a AS other\nFROM b\n"
    assert titles(text) == ["stage-2"]
    assert titles(text, "COPY --from=make /x /") == ["make", "stage-2"]
    assert titles(text, "RUN --mount=from=other,target=/m x", "COPY --from=make /x /") == ["other", "make", "stage-2"]


def test_a_trigger_reads_contexts_too():
    read = draft(request("FROM b\n", contexts={"src": "/x"}))
    image = ImageConfig(
        architecture="amd64", os="linux", config=ContainerConfig(on_build=("COPY --from=src /x /", "RUN --mount=from"))
    )
    needed = with_triggers(read, {base: image for base, _ in read.images()})
    assert named.wanted(needed) == {"src"}


def test_a_stage_on_a_stage_runs_no_trigger_and_one_that_needs_itself_is_refused():
    text = "FROM a AS make\nFROM scratch AS below\nFROM below\n"
    assert titles(text, "COPY --from=make /x /") == ["below", "stage-2"]
    with pytest.raises(DockerfileError, match="circular dependency"):
        titles("FROM a AS make\n", "COPY --from=make /x /")


def test_a_namespace_of_caches_is_part_of_their_ids():
    text = "FROM b\nRUN --mount=type=cache,target=/c --mount=type=cache,id=x,target=/d y\n"
    mounts = last(text, build_args={"BUILDKIT_CACHE_MOUNT_NS": "team"}).action.mounts
    assert [mount.id for mount in mounts] == ["team//c", "team/x"]
