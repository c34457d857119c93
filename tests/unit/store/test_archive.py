from __future__ import annotations

import gzip
import io
import json
import os
import tarfile

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dockmagic.errors import ArchiveError, UsageError
from dockmagic.oci import mediatype
from dockmagic.oci.config import ContainerConfig
from dockmagic.oci.platform import parse
from dockmagic.store.archive_sources import Wanted
from tests.unit.store.making import add_image, config_of, docker_archive, sha256, tar_of

ONE, TWO = tar_of({"one": b"1" * 5000}), tar_of({"two": b"2"})
CONFIG = config_of([ONE, TWO], config={"Cmd": ["sh"]}, history=[{"created_by": "COPY one"}, {"created_by": "COPY two"}])
DOCKER = docker_archive([(CONFIG, [ONE, TWO], ["bread:1", "localhost/fish:latest"])])
OCI = "application/vnd.oci.image.%s"


class Pipe:
    """A stream that cannot seek and gives little at a time."""

    def __init__(self, content):
        self._file = io.BytesIO(content)

    def read(self, size, /):
        return self._file.read(min(size, 1000))


def oci_files(config=CONFIG, layers=(ONE, TWO), *, kind="tar", annotations=None, manifest_more=None, media_type=None):
    """The files of an OCI layout with one image."""
    files = {}

    def blob(content, media_type, **more):
        files[f"blobs/sha256/{sha256(content)[7:]}"] = content
        return {"mediaType": media_type, "digest": sha256(content), "size": len(content), **more}

    pack = {"tar+gzip": gzip.compress, "tar+zstd": zstandard.compress}.get(kind, bytes)
    packed = [pack(layer) for layer in layers]
    manifest = {
        "schemaVersion": 2,
        "mediaType": mediatype.MANIFEST,
        "config": blob(json.dumps(config).encode(), media_type or mediatype.CONFIG),
        "layers": [blob(layer, OCI % f"layer.v1.{kind}") for layer in packed],
        **(manifest_more or {}),
    }
    described = blob(json.dumps(manifest).encode(), mediatype.MANIFEST, annotations=annotations or {})
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [described]}).encode()
    files["oci-layout"] = b'{"imageLayoutVersion": "1.0.0"}'
    return files


def nested(files, *platforms):
    """The index's image once for each platform, behind one more index; returns the files."""
    described = json.loads(files["index.json"])["manifests"][0]
    inner = {
        "schemaVersion": 2,
        "mediaType": mediatype.INDEX,
        "manifests": [{**described, "platform": {"os": "linux", "architecture": a}} for a in platforms],
    }
    content = json.dumps(inner).encode()
    outer = {
        "schemaVersion": 2,
        "manifests": [
            {
                "mediaType": mediatype.INDEX,
                "digest": sha256(content),
                "size": len(content),
                "annotations": {"io.containerd.image.name": "docker.io/library/many:1"},
            }
        ],
    }
    return {**files, f"blobs/sha256/{sha256(content)[7:]}": content, "index.json": json.dumps(outer).encode()}


def write(directory, files):
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return directory


@pytest.mark.parametrize(
    "packed", [DOCKER, gzip.compress(DOCKER), zstandard.compress(DOCKER)], ids=["plain", "gzip", "zstd"]
)
@pytest.mark.parametrize("as_path", [True, False], ids=["path", "stream"])
def test_a_docker_archive_gives_its_images_with_their_names(store, tmp_path, packed, as_path):
    path = tmp_path / "image.tar"
    path.write_bytes(packed)
    loaded = store.archive.load(path if as_path else Pipe(packed))
    assert list(loaded) == [sha256(json.dumps(CONFIG).encode())]
    record = store.images.get(loaded[0])
    assert record.diff_ids == (sha256(ONE), sha256(TWO))
    assert record.config.config.cmd == ("sh",)
    assert store.images.tags(loaded[0]) == ["bread:1", "localhost/fish:latest"]
    assert loaded.names == {loaded[0]: ("bread:1", "localhost/fish:latest")}
    assert store.check() == []
    assert list((store.path / "tmp").iterdir()) == []


def test_loading_again_changes_nothing(store):
    first = store.archive.load(Pipe(DOCKER))
    again = store.archive.load(Pipe(DOCKER))
    assert (again.ids, again.moved) == (first.ids, ())
    assert len(store.images.list()) == 1


def test_a_name_that_moves_is_told(store):
    before = add_image(store, {"x": b"x"}, name="bread:1")
    loaded = store.archive.load(Pipe(DOCKER))
    assert [(moved.name, moved.before) for moved in loaded.moved] == [("bread:1", before)]
    assert store.images.resolve("bread:1") == loaded[0]


def test_old_archives_link_equal_layers(store):
    config = config_of([ONE, ONE])
    content = json.dumps(config).encode()
    files = {
        "a/layer.tar": ONE,
        "b/layer.tar": {"type": b"2", "linkname": "../a/layer.tar"},
        "config.json": content,
        "manifest.json": json.dumps(
            [{"Config": "config.json", "Layers": ["a/layer.tar", "b/layer.tar"], "RepoTags": None}]
        ).encode(),
    }
    loaded = store.archive.load(Pipe(tar_of(files)))
    assert store.images.get(loaded[0]).diff_ids == (sha256(ONE), sha256(ONE))
    assert store.check() == []


@pytest.mark.parametrize("kind", ["tar", "tar+gzip"])
@pytest.mark.parametrize("directory", [True, False], ids=["layout", "archive"])
def test_an_oci_image_keeps_its_manifest(store, tmp_path, kind, directory):
    files = oci_files(kind=kind, annotations={"org.opencontainers.image.ref.name": "localhost/bread:1"})
    source = write(tmp_path / "layout", files) if directory else Pipe(tar_of(files))
    loaded = store.archive.load(source)
    record = store.images.get(loaded[0])
    assert record.manifest_digest == json.loads(files["index.json"])["manifests"][0]["digest"]
    assert store.blobs.has(record.manifest_digest)
    assert store.images.tags(loaded[0]) == ["localhost/bread:1"]
    assert store.check() == []
    store.leases.sweep()
    assert store.check() == []


def test_of_several_platforms_this_machines_is_taken(store, monkeypatch):
    files = nested(oci_files(), "s390x", "amd64", "arm64")
    loaded = store.archive.load(Pipe(tar_of(files)))
    assert store.images.tags(loaded[0]) == ["many:1"]


def test_no_variant_for_this_machine_is_told(store):
    with pytest.raises(ArchiveError, match=r"no variant for linux/.*\n.*linux/s390x"):
        store.archive.load(Pipe(tar_of(nested(oci_files(), "s390x", "mips"))))


def test_an_archive_with_both_forms_gets_names_from_dockers(store):
    files = oci_files(annotations={"org.opencontainers.image.ref.name": "latest"})
    content = json.dumps(CONFIG).encode()
    rows = [{"Config": f"blobs/sha256/{sha256(content)[7:]}", "RepoTags": ["bread:2"], "Layers": []}]
    loaded = store.archive.load(Pipe(tar_of({**files, "manifest.json": json.dumps(rows).encode()})))
    assert store.images.tags(loaded[0]) == ["bread:2"]


def test_an_image_for_another_machine_is_taken_when_it_is_the_only_one(store):
    loaded = store.archive.load(Pipe(docker_archive([({**CONFIG, "architecture": "s390x"}, [ONE, TWO], [])])))
    assert store.images.get(loaded[0]).config.architecture == "s390x"


def changed(files, **changes):
    return {**files, **{k.replace("__", "/"): v for k, v in changes.items()}}


def index_of(**fields):
    described = {"mediaType": mediatype.MANIFEST, "digest": "sha256:" + "0" * 64, "size": 3, **fields}
    return json.dumps({"schemaVersion": 2, "manifests": [described]}).encode()


BAD = {
    "nothing": b"",
    "text": b"no tar at all",
    "html": b"<html>404 Not Found</html>" * 100,
    "broken gzip": b"\x1f\x8b\x08broken",
    "truncated": DOCKER[:7000],
    "truncated zstd": zstandard.compress(DOCKER)[:-20],
    "junk behind zstd": zstandard.compress(DOCKER) + b"junk",
    "truncated gzip": gzip.compress(DOCKER)[:-100],
    "empty tar": bytes(10240),
    "root file system": tar_of({"bin/sh": b"x"}),
    "not json": tar_of({"manifest.json": b"{"}),
    "deep json": tar_of({"manifest.json": b"[" * 100_000}),
    "no list": tar_of({"manifest.json": b"{}"}),
    "no images": tar_of({"manifest.json": b"[]"}),
    "large manifest": tar_of({"manifest.json": b" " * ((4 << 20) + 1)}),
    "large config": tar_of({"c": b" " * ((8 << 20) + 1), "manifest.json": b'[{"Config":"c","Layers":[]}]'}),
    "missing config": tar_of({"manifest.json": b'[{"Config":"c","Layers":[]}]'}),
    "config no text": tar_of({"manifest.json": b'[{"Config":3,"Layers":[]}]'}),
    "config outside": tar_of({"manifest.json": b'[{"Config":"../../../etc/hostname","Layers":[]}]'}),
    "missing layer": docker_archive([(CONFIG, [ONE, TWO], [])]).replace(sha256(TWO)[7:].encode() + b"/", b"0" * 64 + b"/", 1),
    "fewer layers": docker_archive([(CONFIG, [ONE], [])]),
    "other layer": docker_archive([(CONFIG, [ONE, tar_of({"x": b"x"})], [])]),
    "bad name": docker_archive([(CONFIG, [ONE, TWO], ["Bread:1"])]),
    "config not as named": tar_of(
        {"0" * 64 + ".json": b"{}", "manifest.json": json.dumps([{"Config": "0" * 64 + ".json", "Layers": []}]).encode()}
    ),
    "link loop": tar_of(
        {"manifest.json": {"type": b"2", "linkname": "other"}, "other": {"type": b"2", "linkname": "manifest.json"}}
    ),
    "link outside": tar_of({"manifest.json": {"type": b"2", "linkname": "/etc/hostname"}}),
    "second image bad": docker_archive([(CONFIG, [ONE, TWO], ["a:1"]), (CONFIG, [ONE], ["b:1"])]),
    "second image's layer bad": docker_archive([(CONFIG, [ONE, TWO], ["a:1"]), (config_of([ONE]), [TWO], ["b:1"])]),
    "no such blob": tar_of(changed(oci_files(), **{"index.json": index_of()})),
    "digest leads out": tar_of(changed(oci_files(), **{"index.json": index_of(digest="sha256:../../../etc/passwd")})),
    "huge size": tar_of(changed(oci_files(), **{"index.json": index_of(size=1 << 63)})),
    "size no number": tar_of(changed(oci_files(), **{"index.json": index_of(size="12")})),
    "artifact": tar_of(oci_files(media_type="application/vnd.example+json")),
    "unknown manifest": tar_of(changed(oci_files(), **{"index.json": index_of(mediaType="text/html")})),
    "both manifest and index": tar_of(oci_files(manifest_more={"manifests": []})),
    "unknown layer kind": tar_of(oci_files(kind="tar+lzma")),
    "encrypted layer": tar_of(oci_files(kind="tar+encrypted")),
    "old layout": tar_of(changed(oci_files(), **{"oci-layout": b'{"imageLayoutVersion": "2.0.0"}'})),
    "index no index": tar_of(changed(oci_files(), **{"index.json": b'{"schemaVersion":2,"config":{},"layers":[]}'})),
    "flipped bit": tar_of({k: v.replace(b"11111", b"11011", 1) for k, v in oci_files().items()}),
    "flipped config": tar_of({k: v.replace(b'"sh"', b'"su"', 1) for k, v in oci_files().items()}),
}  # fmt: skip


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_a_bad_archive_is_refused_and_leaves_nothing(store, tmp_path, content):
    path = tmp_path / "image.tar"
    path.write_bytes(content)
    with pytest.raises(ArchiveError) as caught:
        store.archive.load(path)
    assert str(tmp_path) not in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 3
    assert store.images.list() == []
    assert store.check() == []
    for directory in ("blobs/sha256", "layers", "tmp", "roots/range-0/snapshots", "roots/range-0/tmp"):
        assert list(store.path.glob(f"{directory}/*")) == []


@pytest.mark.parametrize("packed", [bytes, gzip.compress, zstandard.compress], ids=["plain", "gzip", "zstd"])
@pytest.mark.parametrize("kind", ["docker", "oci"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 1 << 20), bit=st.integers(0, 7))
def test_whatever_bit_flips_the_store_stays_whole(store, packed, kind, place, bit):
    data = bytearray(packed(DOCKER if kind == "docker" else tar_of(oci_files())))
    data[place % len(data)] ^= 1 << bit
    try:
        found = store.archive.load(Pipe(bytes(data)))
    except ArchiveError:
        found = ()
    # a bit of a name or of what is not looked at may flip: then the images are whole
    for image_id in found:
        assert store.images.get(image_id).diff_ids == (sha256(ONE), sha256(TWO))
        store.images.delete(image_id)
    store.leases.sweep()
    assert store.check() == []
    assert store.layers.has(sha256(ONE)) == (list(store.path.glob("blobs/sha256/*")) != [])


@pytest.mark.parametrize(
    "content",
    [b"", b"no tar" * 200, ONE[:700], gzip.compress(ONE)[:-9], zstandard.compress(ONE)[:-5], tar_of({"../x": b"x"})],
    ids=["nothing", "text", "truncated", "truncated gzip", "truncated zstd", "leads out"],
)
def test_a_bad_root_file_system_is_refused_and_leaves_nothing(store, content):
    with pytest.raises(ArchiveError):
        store.archive.import_rootfs(Pipe(content), "rootfs:1")
    assert store.images.list() == []
    assert store.check() == []
    assert list(store.path.glob("blobs/sha256/*")) == []


@pytest.mark.parametrize(
    "content", [{"blobs": None}, {"index.json": b"{"}, {"oci-layout": b"[]"}, {"index.json": None}]
)
def test_a_bad_layout_directory_is_refused_and_leaves_nothing(store, tmp_path, content):
    write(tmp_path, {name: data for name, data in oci_files().items() if name.split("/")[0] not in content})
    write(tmp_path, {name: data for name, data in content.items() if data is not None})
    with pytest.raises(ArchiveError):
        store.archive.load(tmp_path)
    assert store.check() == []
    assert list(store.path.glob("blobs/sha256/*")) == []


def test_a_layer_of_an_archive_may_lead_through_a_link_of_the_one_below(store):
    layers = [
        tar_of({"run": {"type": b"5"}, "var": {"type": b"5"}, "var/run": {"type": b"2", "linkname": "/run"}}),
        tar_of({"var/run/pid": b"1"}),
    ]
    (image_id,) = store.archive.load(Pipe(docker_archive([(config_of(layers), layers, ["leans:1"])])))
    merged = store.layers.merged(store.images.get(image_id).diff_ids)
    assert merged["/var/run"].entry.type == "symlink"
    assert merged["/run/pid"].entry.size == 1


@pytest.mark.timeout(20)
def test_what_is_no_file_is_refused(store, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path / "nothing", tmp_path, "/dev/zero"):
        with pytest.raises(ArchiveError):
            store.archive.load(path)
        with pytest.raises(ArchiveError):
            store.archive.import_rootfs(path)


@pytest.mark.timeout(60)
def test_pipes_in_a_layout_directory_are_refused(store, tmp_path):
    write(tmp_path, oci_files())
    (tmp_path / "index.json").unlink()
    os.mkfifo(tmp_path / "index.json")
    with pytest.raises(ArchiveError):
        store.archive.load(tmp_path)


def test_a_compressed_archive_that_grows_beyond_measure_is_refused(store, monkeypatch):
    monkeypatch.setattr("dockmagic.store.archive_input._RATIO_FREE", 1 << 20)
    with pytest.raises(ArchiveError, match="beyond measure"):
        store.archive.load(Pipe(gzip.compress(bytes(50 << 20))))
    assert list((store.path / "tmp").iterdir()) == []


def test_a_failed_load_moves_no_name(store):
    before = add_image(store, {"x": b"x"}, name="bread:1")
    archive = docker_archive([(CONFIG, [ONE, TWO], ["bread:1"]), (CONFIG, [ONE], ["b:1"])])
    with pytest.raises(ArchiveError):
        store.archive.load(Pipe(archive))
    assert store.images.resolve("bread:1") == before


def test_a_root_file_system_becomes_an_image_of_this_machine(store):
    image_id = store.archive.import_rootfs(Pipe(gzip.compress(ONE)), "rootfs:1", ContainerConfig(cmd=("sh",)))
    record = store.images.get(image_id)
    assert record.diff_ids == (sha256(ONE),)
    assert record.config.os == "linux"
    assert record.config.config.cmd == ("sh",)
    assert store.images.resolve("rootfs:1") == image_id
    assert store.archive.import_rootfs(Pipe(gzip.compress(ONE)), "", ContainerConfig(cmd=("sh",))) == image_id
    assert store.check() == []


def test_a_bad_name_is_told_before_anything_is_read(store):
    with pytest.raises(UsageError):
        store.archive.import_rootfs(Pipe(ONE), "Bread:1")
    assert store.check() == []
    assert list((store.path / "blobs/sha256").iterdir()) == []


def test_a_reader_that_fails_is_told(store):
    class Broken:
        def read(self, size, /):
            raise OSError(5, "Input/output error")

    for call in (store.archive.load, store.archive.import_rootfs):
        with pytest.raises(ArchiveError, match="cannot be read"):
            call(Broken())
    assert store.check() == []


def two_named(*names):
    """A layout of two images, each with a name in its annotations."""
    files, described = {}, []
    for name, content in zip(names, (ONE, TWO), strict=True):
        one = oci_files(config_of([content]), [content], annotations={"org.opencontainers.image.ref.name": name})
        described += json.loads(one.pop("index.json"))["manifests"]
        files |= one
    return {**files, "index.json": json.dumps({"schemaVersion": 2, "manifests": described}).encode()}, described


def test_one_image_of_a_layout_is_taken_by_its_name_or_digest(store, tmp_path):
    files, described = two_named("a", "localhost/b:2")
    layout = write(tmp_path / "layout", files)
    wanted = {
        name: store.archive.load(layout, Wanted(platform=parse("amd64"), name=name), names=False).ids
        for name in ("a", "2", "localhost/b:2", f"@{described[1]['digest']}")
    }
    assert [len(ids) for ids in wanted.values()] == [1, 1, 1, 1]
    assert len(set(wanted.values())) == 2
    assert store.images.names() == {}
    with pytest.raises(ArchiveError, match=r'no image "c"\nit has a, localhost/b:2'):
        store.archive.load(layout, Wanted(platform=parse("amd64"), name="c"))


@pytest.mark.parametrize(
    ("whole", "tag", "meant"),
    [
        ("docker.io/library/bread:1", "1", "docker.io/library/bread:1"),
        ("docker.io/library/bread:1", "2", "docker.io/library/bread:2"),
        ("localhost:5000/bread", "latest", "localhost:5000/bread:latest"),
        ("bread:1", "fish:2", "docker.io/library/bread:1"),
        ("", "localhost/fish:2", "localhost/fish:2"),
        ("docker.io/library/bread:1", "", "docker.io/library/bread:1"),
    ],
)
def test_a_layout_whose_tag_was_changed_has_the_new_name(store, whole, tag, meant):
    keys = {"io.containerd.image.name": whole, "org.opencontainers.image.ref.name": tag}
    files = oci_files(annotations={key: value for key, value in keys.items() if value})
    (image_id,) = store.archive.load(Pipe(tar_of(files))).ids
    assert store.images.names() == {meant: image_id}


def test_what_is_no_image_is_left_out_where_images_are(store):
    signature = oci_files(config_of([TWO]), [TWO], media_type="application/vnd.dev.cosign.config.v1+json")
    image = oci_files(annotations={"org.opencontainers.image.ref.name": "localhost/bread:1"})
    rows = [row for files in (signature, image) for row in json.loads(files.pop("index.json"))["manifests"]]
    files = {**signature, **image, "index.json": json.dumps({"schemaVersion": 2, "manifests": rows}).encode()}
    (image_id,) = store.archive.load(Pipe(tar_of(files))).ids
    assert store.images.names() == {"localhost/bread:1": image_id}
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": rows[:1]}).encode()
    with pytest.raises(ArchiveError, match=r"something that is no image: 'application/vnd\.dev\.cosign"):
        store.archive.load(Pipe(tar_of(files)))


@pytest.mark.parametrize("kind", sorted(mediatype.FOREIGN))
def test_a_layer_that_only_its_maker_hands_out_is_taken_where_it_is(store, kind):
    files = oci_files(kind="tar+gzip")
    (row,) = json.loads(files["index.json"])["manifests"]
    said = json.loads(files.pop(f"blobs/sha256/{row['digest'][7:]}"))
    said["layers"][0] |= {"mediaType": kind, "urls": ["https://example.org/layer"]}
    content = json.dumps(said).encode()
    row |= {"digest": sha256(content), "size": len(content)}
    files[f"blobs/sha256/{sha256(content)[7:]}"] = content
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [row]}).encode()
    (image_id,) = store.archive.load(Pipe(tar_of(files))).ids
    assert store.images.get(image_id).manifest_digest == sha256(content)
    assert store.check() == []


@pytest.mark.parametrize("of", ["config", "layer", "diff_id"])
def test_content_of_another_algorithm_is_told(store, of):
    other = "sha512:" + "1" * 128
    config = {**CONFIG, "rootfs": {"type": "layers", "diff_ids": [sha256(ONE), other]}} if of == "diff_id" else CONFIG
    files = oci_files(config)
    (row,) = json.loads(files["index.json"])["manifests"]
    said = json.loads(files.pop(f"blobs/sha256/{row['digest'][7:]}"))
    if of != "diff_id":
        (said["config"] if of == "config" else said["layers"][1])["digest"] = other
    content = json.dumps(said).encode()
    row |= {"digest": sha256(content), "size": len(content)}
    files |= {
        f"blobs/sha256/{sha256(content)[7:]}": content,
        "index.json": json.dumps({"schemaVersion": 2, "manifests": [row]}).encode(),
    }
    with pytest.raises(ArchiveError, match="names its content by sha512"):
        store.archive.load(Pipe(tar_of(files)))


def test_a_directory_of_another_form_is_told(store, tmp_path):
    write(
        tmp_path / "dir", {"version": b"Directory Transport Version: 1.1\n", "manifest.json": b'{"schemaVersion": 2}'}
    )
    with pytest.raises(ArchiveError, match=r"skopeo's form dir:[\s\S]*skopeo copy dir:"):
        store.archive.load(tmp_path / "dir")


def test_one_image_of_a_docker_archive_is_taken_by_its_name(store):
    second = {**CONFIG, "author": "me"}
    archive = docker_archive([(CONFIG, [ONE, TWO], ["bread:1"]), (second, [ONE, TWO], ["fish:1"])])
    loaded = store.archive.load(Pipe(archive), Wanted(platform=parse("amd64"), name="fish:1"))
    assert [store.images.get(image_id).config.author for image_id in loaded] == ["me"]
    assert list(store.images.names()) == ["docker.io/library/fish:1"]


def test_another_platform_of_an_archive_is_taken_when_it_is_asked_for(store):
    files = nested(oci_files(), "amd64", "arm64")
    assert store.archive.load(Pipe(tar_of(files)), Wanted(platform=parse("arm64")))
    with pytest.raises(ArchiveError, match="no variant for linux/s390x"):
        store.archive.load(Pipe(tar_of(files)), Wanted(platform=parse("s390x")))


def test_a_layer_in_two_compressions_goes_out_as_each_of_them(store):
    """Two images share a layer, one by gzip and one by zstd: one tree, and both manifests byte for byte."""
    first = oci_files(
        config_of([ONE]), [ONE], kind="tar+gzip", annotations={"org.opencontainers.image.ref.name": "a:1"}
    )
    second = oci_files(
        config_of([ONE], author="me"), [ONE], kind="tar+zstd", annotations={"org.opencontainers.image.ref.name": "b:1"}
    )
    for files in (first, second):
        store.archive.load(Pipe(tar_of(files)))
    assert len(list((store.path / "roots/range-0/snapshots").iterdir())) == 1
    for files, name in ((first, "a:1"), (second, "b:1")):
        out = io.BytesIO()
        store.archive.save([(store.images.resolve(name), [name])], out, "oci-archive")
        with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as tar:
            written = {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}
        blobs = {path: content for path, content in files.items() if path.startswith("blobs")}
        assert {path: content for path, content in written.items() if path.startswith("blobs")} == blobs
    assert store.check() == []


def test_a_digest_of_an_unknown_algorithm_matters_only_where_its_content_is_wanted(store):
    files = nested(oci_files(), "amd64", "s390x")
    (outer,) = json.loads(files["index.json"])["manifests"]
    index = json.loads(files[f"blobs/sha256/{outer['digest'][7:]}"])
    index["manifests"][1]["digest"] = "blake3+b64:" + "a" * 43
    content = json.dumps(index).encode()
    outer |= {"digest": sha256(content), "size": len(content)}
    files |= {f"blobs/sha256/{sha256(content)[7:]}": content}
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [outer]}).encode()
    assert store.archive.load(Pipe(tar_of(files)), Wanted(platform=parse("amd64")))
    with pytest.raises(ArchiveError, match="not a digest"):
        store.archive.load(Pipe(tar_of(files)), Wanted(platform=parse("s390x")))
