"""Named contexts: what a name means in FROM, COPY --from and RUN --mount."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockmagic.builder import named
from dockmagic.builder.named import Directory
from dockmagic.builder.plan import draft
from dockmagic.errors import UsageError
from tests.unit.builder.planning import last, planned, request

IMAGE = {"busybox": "docker-image://alpine:3"}
ALPINE = "docker.io/library/alpine:3"


@pytest.mark.parametrize(
    "name", ["busybox", "busybox:latest", "docker.io/library/busybox", "docker.io/library/busybox:latest"]
)
def test_a_base_is_found_by_every_form_of_its_name(name):
    assert planned(f"FROM {name}\n", contexts=IMAGE).stages[0].base == ALPINE
    assert planned("FROM busybox:1\n", contexts=IMAGE).stages[0].base == "busybox:1"


def test_a_stage_of_that_name_is_not_built():
    text = "FROM nothing AS busybox\nRUN exit 1\nFROM b\nCOPY --from=busybox a /\n"
    made = planned(text, contexts=IMAGE)
    assert [stage.title for stage in made.stages] == ["stage-1"]
    assert made.stages[-1].rows[-1].action.image == ALPINE


def test_mounts_and_triggers_see_the_names_too():
    assert (
        last("FROM b\nRUN --mount=from=busybox,target=/m x\n", contexts=IMAGE).action.mounts[0].origin.image == ALPINE
    )


def test_a_directory_is_copied_from_and_hides_a_stage():
    text = "FROM b AS src\nRUN exit 1\nFROM b\nCOPY --from=src a /\n"
    made = planned(text, contexts={"src": "/some/where"})
    assert len(made.stages) == 1
    action = made.stages[-1].rows[-1].action
    assert (action.directory, action.stage, action.image) == (Directory(Path("/some/where")), None, "")


def test_a_directory_is_mounted_and_is_the_first_content_of_a_cache():
    text = "FROM b\nRUN --mount=from=src,source=/a,target=/m --mount=type=cache,from=src,target=/c x\n"
    mounts = last(text, contexts={"src": "/x"}).action.mounts
    assert [(mount.origin.directory, mount.origin.image) for mount in mounts] == [(Directory(Path("/x")), "")] * 2


@pytest.mark.parametrize("text", ["FROM src\nRUN x\n", "FROM nothing AS src\nRUN exit 1\nFROM src\nRUN x\n"])
def test_a_directory_that_is_built_on_is_an_empty_image_with_its_files(text):
    stages = planned(text, contexts={"src": "/x"}).stages
    action = stages[0].rows[1].action
    assert (action.directory, action.destination, action.is_directory) == (Directory(Path("/x")), "/", True)
    assert stages[0].base == "scratch"
    assert stages[-1].rows[-1].action.argv == ("/bin/sh", "-c", "x")


def test_a_layout_is_an_image_and_scratch_is_none():
    planned_stages = planned(
        "FROM a\nCOPY --from=b x /\n", contexts={"a": "oci-layout:///l:1", "b": "oci-layout://./m"}
    )
    assert planned_stages.stages[0].base == "oci:/l:1"
    assert planned_stages.stages[0].rows[-1].action.image == "oci:./m"
    assert planned("FROM a\n", contexts={"a": "docker-image://scratch"}).stages[0].key is None


def test_repositories_and_files_elsewhere_are_fetched_for_those_who_read_them():
    given = {"a": "https://host/r.git#main", "b": "https://host/f.txt", "c": "git@host:r", "d": "/x", "e": "git://h/r"}
    contexts = named.read(given)
    assert sorted(contexts.fetched) == ["a", "b", "c", "e"]
    read = draft(
        request(
            "FROM x\nCOPY --from=a f /\nRUN --mount=from=c,target=/m x\nFROM e\nCOPY --from=d g /\n", contexts=given
        )
    )
    assert named.wanted(read.order) == {"d", "e"}


@pytest.mark.parametrize(
    "given",
    [
        {"a": "oci-layout://:1"},
        {"a": "target:x"},
        {"A B": "/x"},
        {"a": "docker-image://A B"},
        {"a": "https://h/r.git?x=1"},
    ],
)
def test_what_no_context_can_be_is_refused(given):
    with pytest.raises(UsageError):
        named.read(given)
