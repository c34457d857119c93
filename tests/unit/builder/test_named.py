"""Named contexts: what a name means in FROM, COPY --from and RUN --mount."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockmagic.builder import named
from dockmagic.errors import DockerfileError, UsageError
from tests.unit.builder.planning import last, planned

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
    assert (action.directory, action.stage, action.image) == (Path("/some/where"), None, "")


def test_a_directory_is_nothing_to_build_on_or_to_mount_but_only_where_that_is_needed():
    with pytest.raises(DockerfileError, match="line 1: FROM: a directory"):
        planned("FROM src\n", contexts={"src": "/x"})
    with pytest.raises(DockerfileError, match="line 2: RUN --mount: a directory"):
        planned("FROM b\nRUN --mount=from=src,target=/m x\n", contexts={"src": "/x"})
    assert planned("FROM src AS unused\nFROM b\n", contexts={"src": "/x"}).stages[0].base == "b"


@pytest.mark.parametrize(
    "given", [{"a": "oci-layout://x"}, {"a": "https://host/a.git"}, {"A B": "/x"}, {"a": "docker-image://A B"}]
)
def test_what_no_context_can_be_is_refused(given):
    with pytest.raises(UsageError):
        named.read(given)
