from __future__ import annotations

from pathlib import Path

import pytest

from dockmagic.builder.exports import CacheFrom, CacheTo, Output, Packing, cache_from, cache_to, output, pushed


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
        ("type=image,push=true", Output(kind="image", push=True)),
        ("type=registry,name=x:1", Output(kind="image", names=("x:1",), push=True)),
        (
            "type=registry,compression=zstd,compression-level=22,force-compression=1",
            Output(kind="image", push=True, packing=Packing(compression="zstd", level=22, force=True)),
        ),
        (
            "type=oci,dest=a,compression=uncompressed",
            Output(kind="oci", dest="a", packing=Packing(compression="uncompressed")),
        ),
        ("type=docker,dest=a,oci-mediatypes=false", Output(kind="docker", dest="a", packing=Packing(oci=False))),
        ("type=local,dest=out,platform-split=1", Output(kind="local", dest="out", split=True)),
        ("type=cacheonly", Output(kind="cacheonly")),
        ("dest=out,type=local,platform-split=false", Output(kind="local", dest="out", split=False)),
    ],
)
def test_an_output_is_read_as_buildx_reads_it(text, found):
    assert output(text) == found


def test_push_is_of_the_image_outputs_or_one_more():
    files, image = output("out"), output("type=image,name=x:1")
    assert pushed([files]) == (files, Output(kind="image", push=True))
    assert pushed([files, image]) == (files, Output(kind="image", names=("x:1",), push=True))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("type=local", "dest=DIRECTORY is missing"),
        ("type=local,dest=-", "standard output"),
        ("type=oci,dest=-,tar=false", "standard output"),
        ("type=nonsense", "type is one of local, tar, oci, docker, image, registry, cacheonly"),
        ("dest=out", "type is one of"),
        ("type=registry,push-by-digest=perhaps", "push-by-digest=perhaps is neither true nor false"),
        ("type=docker,push-by-digest=true", "type=docker has no push-by-digest"),
        ("type=registry,registry.insecure=true", "registry.insecure is not available: registries.toml"),
        ("type=image,push=perhaps", "push=perhaps is neither true nor false"),
        ("type=oci,dest=x,compression=estargz", "compression=estargz is not available; uncompressed, gzip or zstd"),
        ("type=oci,dest=x,compression-level=9", "compression-level is of compression=gzip or zstd"),
        ("type=oci,dest=x,compression=gzip,compression-level=10", "compression-level=10 is none of gzip's: 0 to 9"),
        ("type=oci,dest=x,compression=zstd,compression-level=-1", "compression-level=-1 is none of zstd's: 0 to 22"),
        ("type=oci,dest=x,compression=zstd,oci-mediatypes=false", "compression=zstd has no media type of Docker's"),
        ("type=local,dest=x,compression=gzip", "type=local has no compression"),
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
