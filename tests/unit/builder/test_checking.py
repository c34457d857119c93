"""What a build makes of the linter: warnings of the plan, errors before anything runs, what it is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dockmagic.builder.builder import ignored_paths
from dockmagic.builder.checking import base_of, ignored_by, inputs_for
from dockmagic.dockerfile.lint import Base
from dockmagic.errors import DockerfileError, UsageError
from dockmagic.oci.config import ContainerConfig, ImageConfig
from tests.unit.builder.planning import planned, request


def test_a_plan_has_the_linters_warnings_in_words():
    made = planned("FROM a AS Oven\nCMD x\n")
    assert made.warnings == (
        "line 1: StageNameCasing: Stage name 'Oven' should be lowercase",
        "line 2: JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals",
    )


def test_variables_and_shell_of_the_base_image_count():
    base = ContainerConfig(env=("FROM_BASE=1",), shell=("/bin/bash", "-c"))
    assert planned("FROM a\nWORKDIR /$FROM_BASE\nCMD x\n", base=base).warnings == ()
    assert "UndefinedVar" in planned("FROM a\nWORKDIR /$FROM_BSAE\n", base=base).warnings[0]


def test_error_true_fails_the_plan_at_the_first_warning():
    with pytest.raises(DockerfileError, match="line 3: lint violation found for rules: JSONArgsRecommended") as caught:
        planned("# check=error=true\nFROM a\nCMD x\n")
    assert "3 | CMD x" in caught.value.detail
    assert caught.value.hint


def test_options_that_cannot_be_read_fail_the_plan():
    with pytest.raises(DockerfileError, match=r'line 1: .*invalid check option "x"'):
        planned("# check=x=1\nFROM a\n")


@pytest.mark.parametrize("written", ["$BULIDPLATFORM", "${BULIDPLATFORM}"])
def test_a_platform_that_expands_to_nothing_is_refused(written):
    with pytest.raises(DockerfileError, match=r"line 1: empty platform value .* \(did you mean BUILDPLATFORM\?\)"):
        planned(f"FROM --platform={written} a\n")


def test_a_base_is_told_by_its_config():
    config = ImageConfig(architecture="arm64", os="linux", config=ContainerConfig(env=("A=1",), on_build=("RUN x",)))
    assert base_of(config) == Base(env=("A=1",), on_build=("RUN x",), platform="linux/arm64")


@pytest.mark.parametrize(("name", "valid"), [("a", True), ("a:", False), ("", False), ("A", False), ("a/b:1", True)])
def test_names_of_images_are_those_of_references(name, valid):
    assert inputs_for(request("FROM a\n"), lambda _: None).is_name(name) is valid


@pytest.mark.parametrize(
    ("text", "path", "excluded"),
    [
        ("x\n", "x", True),
        ("x\n", "x/y", True),
        ("x\n", "y", False),
        ("x\n", ".", False),
        ("*\n", ".", True),
        ("**/*\n", "/", True),
        ("*.txt\n", "a.txt", True),
    ],
)
def test_excluded_paths_are_those_of_the_ignore_file(text, path, excluded):
    ignored = ignored_by(text)
    assert ignored is not None
    assert ignored(path) is excluded


@pytest.mark.parametrize("text", ["", "# nothing\n", "*\n!x\n"])
def test_where_files_have_to_tell_nothing_is_said(text):
    assert ignored_by(text) is None


def test_an_ignore_file_or_context_that_cannot_be_read_is_left_to_copy(tmp_path):
    asked = request("FROM a\n")
    assert ignored_paths(asked) is None
    (tmp_path / ".dockerignore").write_text("[\n")
    with pytest.raises(UsageError):
        ignored_by("[\n")
    assert ignored_paths(replace(asked, context=tmp_path)) is None
    (tmp_path / ".dockerignore").write_text("x\n")
    assert ignored_paths(replace(asked, context=tmp_path))("x") is True
