from __future__ import annotations

import pytest

from dockmagic.errors import UsageError
from dockmagic.oci.transport import of_layout, parse, without_registry

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "kind", "path", "name"),
    [
        ("oci:./layout:1", "oci", "./layout", "1"),
        ("oci:/a/b", "oci", "/a/b", ""),
        (f"oci:/a:1@{DIGEST}", "oci", "/a", f"@{DIGEST}"),
        ("oci-archive:x.tar", "oci-archive", "x.tar", ""),
        ("docker-archive:x.tar:localhost/a:1", "docker-archive", "x.tar", "localhost/a:1"),
        ("docker-archive:x.tar:@1", "docker-archive", "x.tar", "@1"),
    ],
)
def test_a_place_has_a_kind_a_path_and_a_name(text, kind, path, name):
    found = parse(text)
    assert (found.kind, found.path, found.name, found.certain) == (kind, path, name, True)


def test_what_may_be_a_tag_too_is_not_certain():
    assert parse("oci:1").certain is False
    assert parse("dir:1") is None


@pytest.mark.parametrize("text", ["bread", "bread:1", "localhost/oci:1", "oci:", "ocix:/a", "registry:5000/a"])
def test_a_name_is_no_place(text):
    assert parse(text) is None


@pytest.mark.parametrize("text", ["dir:/a", "docker-daemon:a:1", "containers-storage:a", "sif:./x.sif"])
def test_a_place_that_nothing_is_taken_from_is_refused_by_name(text):
    with pytest.raises(UsageError, match=f"not taken from {text.partition(':')[0]}: places"):
        parse(text)


def test_a_context_that_is_a_layout_is_such_a_place():
    assert of_layout(f"oci-layout:///a/b:1@{DIGEST}") == f"oci:/a/b:1@{DIGEST}"
    with pytest.raises(UsageError):
        of_layout("oci-layout://:1")
    assert without_registry("docker://a:1") == "a:1"
