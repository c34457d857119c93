from __future__ import annotations

from dataclasses import replace

import pytest

from dockmagic.errors import ArchiveError, UsageError
from dockmagic.oci import choice, mediatype
from dockmagic.oci.config import ImageConfig
from dockmagic.oci.descriptor import Descriptor
from dockmagic.oci.platform import Platform, parse

ATTESTATION = {"vnd.docker.reference.type": "attestation-manifest"}


def described(number, text="", **more):
    os_, _, rest = text.partition("/")
    architecture, _, variant = rest.partition("/")
    platform = {"os": os_, "architecture": architecture, **({"variant": variant} if variant else {})} if text else None
    return Descriptor(media_type="application/x", digest=f"sha256:{number:064x}", size=1, platform=platform, **more)


def index(*texts):
    return [described(number, text) for number, text in enumerate(texts)]


def chosen(wanted, *texts):
    found = choice.choose_of(index(*texts), parse(wanted))
    return texts[int(found.digest.removeprefix("sha256:"), 16)]


def test_the_image_of_the_platform_is_taken():
    assert chosen("linux/arm64", "linux/amd64", "linux/arm64/v8", "windows/amd64") == "linux/arm64/v8"


def test_the_nearest_variant_that_runs_is_taken():
    assert chosen("linux/arm/v7", "linux/arm/v5", "linux/arm/v6", "linux/arm64") == "linux/arm/v6"
    assert chosen("linux/arm", "linux/arm/v6", "linux/arm/v7") == "linux/arm/v7"
    assert chosen("linux/amd64", "linux/amd64/v3", "linux/amd64") == "linux/amd64"


def test_a_variant_that_does_not_run_is_not_taken():
    with pytest.raises(ArchiveError, match=r"no variant for linux/arm/v6\nit has linux/arm/v7"):
        chosen("linux/arm/v6", "linux/arm/v7")
    with pytest.raises(ArchiveError):
        chosen("linux/amd64", "linux/amd64/v3")


def test_an_attestation_is_no_image():
    made = [described(1, "linux/amd64", annotations=ATTESTATION), described(2, "linux/amd64")]
    assert choice.choose_of(made, Platform(architecture="amd64")).digest.endswith("2")


def test_a_single_image_without_a_platform_is_taken():
    assert choice.choose_of(index(""), Platform(architecture="amd64")).platform is None


def test_indexes_that_name_no_platform_are_looked_into_last():
    nested = replace(described(0), media_type=mediatype.INDEX)
    older, same = described(1, "linux/arm/v6"), described(2, "linux/arm/v7")
    offered = [nested, described(3, "linux/s390x"), older, described(4), same]
    assert choice.candidates(offered, parse("linux/arm/v7")) == [same, older, nested]
    assert choice.candidates(offered, parse("linux/riscv64")) == [nested]


def test_an_image_is_for_what_the_index_says_else_for_what_it_says_itself():
    config = ImageConfig(architecture="arm", os="linux", other={"variant": "v6"})
    told = described(1, "linux/arm/v7")
    assert choice.of_image(told, config) == told
    assert choice.of_image(described(1), config).platform == {"os": "linux", "architecture": "arm", "variant": "v6"}


@pytest.mark.parametrize("text", ["", "linux/", "/amd64", "linux/amd64/v1/x", "linux/am d64", "linux/../x"])
def test_nonsense_is_no_platform(text):
    with pytest.raises(UsageError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("arm64", "linux/arm64"),
        ("Linux/AArch64/v8", "linux/arm64"),
        ("x86_64", "linux/amd64"),
        ("linux/amd64/v1", "linux/amd64"),
        ("linux/amd64/v2", "linux/amd64/v2"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/6", "linux/arm/v6"),
        ("armel", "linux/arm/v6"),
        ("i386", "linux/386"),
        ("macos/ppc64le", "darwin/ppc64le"),
        ("windows", "windows"),
    ],
)
def test_a_platform_has_one_spelling(text, meant):
    assert str(parse(text)) == meant


def test_the_narrow_side_of_a_machine_is_known():
    assert parse("386").is_narrow("amd64")
    assert not parse("arm64").is_narrow("amd64")
