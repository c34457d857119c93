from __future__ import annotations

from pathlib import Path

import pytest

from dockmagic.builder.exports import CacheFrom, CacheTo, Output, cache_from, cache_to, output


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("out", Output(kind="local", dest="out")),
        ("-", Output(kind="tar", dest="-")),
        ("type=local,dest=out", Output(kind="local", dest="out")),
        ("type=tar,dest=a.tar", Output(kind="tar", dest="a.tar")),
        ("type=tar", Output(kind="tar", dest="-")),
        ("type=oci,dest=-", Output(kind="oci", dest="-")),
        ("type=oci,dest=lay,tar=false", Output(kind="oci", dest="lay", tar=False)),
        ("type=docker", Output(kind="docker")),
        ('type=docker,dest=a.tar,"name=a:1,b:2"', Output(kind="docker", dest="a.tar", names=("a:1", "b:2"))),
        ('type=local,"dest=a,b"', Output(kind="local", dest="a,b")),
        ("type=image,name=x:1,push=false", Output(kind="image", names=("x:1",))),
        ("type=local,dest=out,platform-split=1", Output(kind="local", dest="out", split=True)),
        ("type=cacheonly", Output(kind="cacheonly")),
        ("dest=out,type=local,platform-split=false", Output(kind="local", dest="out", split=False)),
    ],
)
def test_an_output_is_read_as_buildx_reads_it(text, found):
    assert output(text) == found


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("type=local", "dest=DIRECTORY is missing"),
        ("type=local,dest=-", "standard output"),
        ("type=oci,dest=-,tar=false", "standard output"),
        ("type=nonsense", "type is one of local, tar, oci, docker, image, cacheonly"),
        ("dest=out", "type is one of"),
        ("type=registry,name=x", "push it afterwards"),
        ("type=image,push=true", "push=true is not available: push it afterwards"),
        ("type=oci,dest=x,compression=zstd", "compression=zstd is not available"),
        ("type=oci,dest=x,compression-level=9", "compression-level is not available"),
        ("type=oci,dest=x,annotation.a=b", "annotation.a is not available: LABEL"),
        ("type=oci,dest=x,rewrite-timestamp=true", "rewrite-timestamp=true is not available"),
        ("type=oci,dest=x,tar=perhaps", "tar=perhaps is neither true nor false"),
        ("type=docker,dest=x,tar=false", "tar=false is for type=oci"),
        ("type=local,dest=x,colour=red", "type=local has no colour; it takes dest, platform-split"),
        ("type=local,dest", "'dest' is no key=value"),
        ('type=local,"dest=x', "unexpected end"),
        ("type=local\ndest=x", "no single line|new-line"),
    ],
)
def test_what_is_not_done_of_an_output_is_refused_by_name(text, reason):
    with pytest.raises(ValueError, match=reason):
        output(text)


def test_a_cache_is_a_directory():
    assert cache_to("type=local,dest=c") == CacheTo(dest=Path("c"))
    assert cache_to("type=local,dest=c,mode=max,compression=uncompressed,ignore-error=true,tag=x") == CacheTo(
        dest=Path("c"), mode="max", tag="x", compressed=False, ignore_error=True
    )
    assert cache_from("type=local,src=c") == CacheFrom(src=Path("c"))
    assert cache_from("type=local,src=c,digest=sha256:1").digest == "sha256:1"


@pytest.mark.parametrize(
    ("read", "text", "reason"),
    [
        (cache_from, "bread:1", "a cache of type=registry is not available: give a directory"),
        (cache_from, "type=registry,ref=bread:1", "type=registry is not available"),
        (cache_from, "type=gha", "type=gha is not available"),
        (cache_from, "type=local", "src=DIRECTORY is missing"),
        (cache_from, "type=local,dest=c", "type=local has no dest"),
        (cache_from, "src=c", "type=local is missing"),
        (cache_to, "type=inline", "type=inline is not available"),
        (cache_to, "type=local", "dest=DIRECTORY is missing"),
        (cache_to, "type=local,dest=c,mode=most", "neither min nor max"),
        (cache_to, "type=local,dest=c,compression=zstd", "gzip or uncompressed"),
        (cache_to, "type=local,dest=c,image-manifest=false", "image-manifest=false"),
        (cache_to, "type=magnetic", "type=magnetic is not known"),
    ],
)
def test_what_is_no_cache_directory_is_refused_by_name(read, text, reason):
    with pytest.raises(ValueError, match=reason):
        read(text)
