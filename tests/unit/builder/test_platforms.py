"""What each stage of a plan is for."""

from __future__ import annotations

import pytest

from dockmagic.builder.plan import draft, plan
from dockmagic.errors import DockerfileError, UsageError
from dockmagic.oci.config import ContainerConfig, ImageConfig
from tests.unit.builder.planning import config, last, planned, request


def platforms(text, **options):
    """By title of each stage."""
    return {stage.title: str(stage.platform) for stage in planned(text, **options).stages}


def test_a_stage_is_for_what_the_build_is_for_unless_it_says_otherwise():
    text = "FROM scratch AS a\nFROM --platform=$BUILDPLATFORM scratch AS b\nFROM --platform=linux/arm/v6 scratch AS c\n"
    text += "FROM scratch\nCOPY --from=a / /\nCOPY --from=b / /\nCOPY --from=c / /\n"
    found = platforms(text, platform="linux/arm64")
    assert found == {"a": "linux/arm64", "b": "linux/amd64", "c": "linux/arm/v6", "stage-3": "linux/arm64"}


def test_the_platform_arguments_are_of_the_target_and_of_the_machine():
    text = "FROM scratch\nARG TARGETPLATFORM TARGETARCH TARGETVARIANT TARGETOS BUILDPLATFORM\n"
    text += 'ENV A="$TARGETPLATFORM $TARGETARCH $TARGETVARIANT $TARGETOS $BUILDPLATFORM"\n'
    assert "A=linux/arm/v7 arm v7 linux linux/amd64" in config(text, platform="linux/arm").env
    assert "A=darwin/ppc64le ppc64le  darwin linux/amd64" in config(text, platform="darwin/ppc64le").env


def test_images_are_asked_for_by_platform_only_where_one_is_named():
    text = "FROM a AS x\nFROM --platform=linux/arm64 a AS y\nFROM b\nCOPY --from=x / /\nCOPY --from=y / /\n"
    assert [base for base, _ in draft(request(text)).images()] == [("a", ""), ("a", "linux/arm64"), ("b", "")]
    asked = draft(request(text, platform="linux/s390x")).images()
    assert [base for base, _ in asked] == [("a", "linux/s390x"), ("a", "linux/arm64"), ("b", "linux/s390x")]


def test_a_stage_on_a_stage_or_an_image_is_for_what_that_is_for():
    read = draft(request("FROM a AS x\nFROM --platform=linux/s390x x\n"))
    image = ImageConfig(architecture="arm64", os="linux", config=ContainerConfig())
    made = plan(read, {base: image for base, _ in read.images()})
    assert [str(stage.platform) for stage in made.stages] == ["linux/arm64", "linux/arm64"]


def test_a_command_knows_that_it_is_foreign_and_one_of_this_machine_does_not():
    assert last("FROM scratch\nRUN a\n", platform="linux/arm64").action.foreign == "linux/arm64"
    assert last("FROM scratch\nRUN a\n", platform="linux/amd64").action.foreign == ""
    assert last("FROM --platform=$BUILDPLATFORM scratch\nRUN a\n", platform="linux/arm64").action.foreign == ""


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        ("FROM --platform=linux/../x scratch\n", {}, "line 1: FROM --platform: invalid platform"),
        (
            "ARG P=foo\nFROM --platform=$P scratch\n",
            {},
            r'line 2: failed to parse platform \$P: "foo": unknown operating system or architecture',
        ),
        (
            "FROM --platform=linux/!x scratch\n",
            {},
            'line 1: failed to parse platform linux/!x: "!x" is an invalid component of "linux/!x": platform specifier',
        ),
        (
            "FROM --platform=a/b/c/d scratch\n",
            {},
            'line 1: failed to parse platform a/b/c/d: "a/b/c/d": cannot parse platform specifier',
        ),
        ("FROM scratch\n", {"platform": "windows/amd64"}, "line 1: --platform=windows/amd64: images of Windows"),
        ("FROM scratch\nRUN a\n", {"platform": "linux/386"}, "line 2: RUN: the stage is for linux/386"),
    ],
)
def test_what_cannot_be_made_is_told_at_its_line(text, options, says):
    with pytest.raises(DockerfileError, match=says):
        planned(text, **options)


def test_a_platform_that_is_none_is_refused():
    with pytest.raises(UsageError, match="invalid platform"):
        planned("FROM scratch\n", platform="a/b/c/d")
