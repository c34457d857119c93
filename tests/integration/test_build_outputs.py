"""What a build leaves besides its image: files, archives, ids; and the cache that it takes from a directory and leaves there."""

from __future__ import annotations

import io
import json
import os
import stat
import tarfile

import pytest

from dockmagic.engine.engine import Engine
from dockmagic.errors import ArchiveError, BuildError, ConflictError, NotFoundError, UsageError
from tests.users import KINDS, make_user

TEXT = """FROM localhost/base AS make
RUN mkdir -p /out/d && echo hi > /out/d/f && ln /out/d/f /out/d/g && ln -s f /out/d/l && chown 5:6 /out/d && chmod 4755 /out/d/f
RUN true
FROM scratch
COPY --from=make /out /
LABEL a=b
"""
FULL = "docker.io/library/loaf:1"


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = Engine(tmp_path_factory.mktemp("outputs") / "home")
    made.build(TEXT)
    yield made
    assert made.session.store.check() == []
    made.close()


@pytest.fixture
def other(tmp_path):
    made = Engine(tmp_path / "other")
    yield made
    assert made.session.store.check() == []
    made.close()


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The notebook's directory."""
    directory = tmp_path / "here"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


def members(tar):
    return {m.name: (m.type, m.uid, m.gid, m.mode) for m in tar}


def test_every_kind_of_output_holds_the_image(engine, other, here):
    stream = io.BytesIO()
    built = engine.build(
        TEXT,
        tags="loaf:1",
        output=[
            "files",
            "type=tar,dest=files.tar",
            {"type": "tar", "dest": stream},
            "type=oci,dest=oci.tar",
            {"type": "oci", "dest": here / "layout", "tar": False},
            'type=docker,dest=docker.tar,"name=crust:1,crust:2"',
            "type=image,name=extra:1",
        ],
    )
    assert (here / "files/d/l").read_text() == "hi\n"
    assert (here / "files.tar").read_bytes() == stream.getvalue()
    with tarfile.open(here / "files.tar") as tar:
        assert members(tar) == {
            "d": (tarfile.DIRTYPE, 5, 6, 0o755),
            "d/f": (tarfile.REGTYPE, 0, 0, 0o4755),
            "d/g": (tarfile.LNKTYPE, 0, 0, 0o4755),
            "d/l": (tarfile.SYMTYPE, 0, 0, 0o777),
        }
    for name, names in (("oci.tar", (FULL,)), ("layout", (FULL,)), ("docker.tar", ("crust:1", "crust:2"))):
        (loaded,) = other.load(here / name)
        assert loaded.id == built.image.id
        assert set(loaded.tags) == {each.removeprefix("docker.io/library/") for each in names}
        other.rmi(*loaded.tags)
    assert engine.inspect("extra:1").id == engine.inspect("loaf:1").id == built.image.id
    assert built.notes == ()


OF_A_USER = """
import json, os
from dockmagic import Engine
os.chdir(os.environ["HOME"])
os.mkdir("out"); open("out/kept", "w").write("mine")
engine = Engine()
text = "FROM scratch\\nCOPY --chown=7:8 --chmod=4750 <<EOF /d/f\\nhi\\nEOF\\n"
engine.build(text, output="out")
engine.build(text, output="out")
owners = {os.stat(p).st_uid for p in ("out", "out/d", "out/d/f")} == {os.getuid()}
print(json.dumps([owners, oct(os.stat("out/d/f").st_mode), open("out/d/f").read(), sorted(os.listdir("out")), str(engine.fsck())]))
engine.close()
"""


@pytest.mark.parametrize("kind", KINDS)
def test_files_belong_to_the_user_and_lend_out_no_rights(kind, tmp_path):
    done = make_user(kind, tmp_path).python(OF_A_USER, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout) == [True, "0o100750", "hi\n", ["d", "kept"], "the store is whole"]


def test_an_output_needs_no_name_and_gives_none(engine, here):
    before = engine.session.store.images.names()
    assert engine.build(TEXT, output="files").image is not None
    assert engine.session.store.images.names() == before


def test_a_platform_gets_a_directory_of_its_own_where_there_are_several_or_it_is_asked_for(engine, here):
    own = f"linux_{engine.build(TEXT, output='type=local,dest=one,platform-split=true').image.config['architecture']}"
    text = "FROM scratch\nCOPY <<EOF /f\nx\nEOF\n"
    platforms = ["linux/amd64", "linux/arm64", "linux/arm/v7"]
    engine.build(text, platform=platforms, output="two")
    engine.build(text, platform=platforms, output="type=local,dest=three,platform-split=false")
    assert sorted(p.name for d in ("one", "two", "three") for p in (here / d).iterdir()) == sorted(
        [own, "linux_amd64", "linux_arm64", "linux_arm_v7", "f"]
    )


def test_a_directory_that_is_an_image_layout_is_added_to(engine, other, here):
    for name in ("one:1", "two:1", "one:1"):
        engine.build(f"FROM scratch\nLABEL a={name}\n", tags=name, output="type=oci,dest=layout,tar=false")
    assert sorted(tag for image in other.load(here / "layout") for tag in image.tags) == ["one:1", "two:1"]


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"output": "file"}, UsageError, "-o file: a file stands there"),
        ({"output": "/"}, UsageError, "this machine's own root"),
        ({"output": "type=tar,dest=directory"}, UsageError, "a directory stands there"),
        ({"output": "type=tar,dest=nowhere/x.tar"}, NotFoundError, "-o nowhere/x.tar: there is no such directory"),
        ({"output": "-"}, UsageError, "no standard output"),
        ({"output": {"type": "oci", "dest": "file", "tar": False}}, UsageError, "a file stands there"),
        ({"output": {"type": "nonsense"}}, UsageError, "-o: type is one of"),
        ({"iidfile": "nowhere/iid"}, NotFoundError, "--iidfile nowhere/iid"),
        ({"metadata_file": "directory"}, UsageError, "--metadata-file directory: a directory stands there"),
        ({"cache_to": "type=local,dest=file"}, UsageError, "--cache-to file: a file stands there"),
        ({"cache_to": "type=registry,ref=x"}, UsageError, "--cache-to: a cache of type=registry is not available"),
        ({"cache_from": ["bread:1"]}, UsageError, "--cache-from: a cache of type=registry is not available"),
    ],
)
def test_a_place_that_cannot_be_is_refused_before_anything_is_built(engine, here, options, error, says):
    (here / "file").write_text("mine")
    (here / "directory").mkdir()
    told = []
    with pytest.raises(error) as caught:
        engine.build(TEXT, on_event=told.append, **options)
    assert says in str(caught.value)
    assert told == []
    assert (here / "file").read_text() == "mine"


def test_what_stands_in_the_way_of_a_file_is_never_removed(engine, here):
    (here / "files/d/f").mkdir(parents=True)
    (here / "files/d/f/kept").write_text("mine")
    with pytest.raises(ConflictError, match="something of another kind stands there"):
        engine.build(TEXT, output="files")
    assert sorted(str(p.relative_to(here)) for p in here.rglob("*") if p.is_file()) == ["files/d/f/kept"]
    (here / "other").mkdir()
    (here / "other/kept").write_text("mine")
    with pytest.raises(ArchiveError, match="holds other things"):
        engine.build(TEXT, output="type=oci,dest=other,tar=false")
    with pytest.raises(ArchiveError, match="holds other things"):
        engine.build(TEXT, cache_to="type=local,dest=other")
    assert engine.build(TEXT, cache_to="type=local,dest=other,ignore-error=true").notes[-1].startswith("--cache-to")
    assert [p.name for p in (here / "other").iterdir()] == ["kept"]


def test_a_device_is_left_out_with_a_note(engine, here):
    if os.geteuid() != 0:
        pytest.skip("only root makes a device for the test")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo("null")
        info.type, info.devmajor, info.devminor = tarfile.CHRTYPE, 1, 3
        tar.addfile(info)
    engine.import_(io.BytesIO(out.getvalue()), "device:1")
    assert "-o files leaves the device /null out" in engine.build("FROM device:1\n", output="files").notes
    assert list((here / "files").iterdir()) == []


def test_the_id_and_the_digests_are_written_as_docker_does(engine, here):
    built = engine.build(TEXT, tags=["loaf:1", "loaf:2"], iidfile="iid", metadata_file="meta.json")
    assert (here / "iid").read_bytes() == built.image.id.encode()
    assert json.loads((here / "meta.json").read_text()) == {
        "containerimage.config.digest": built.image.id,
        "containerimage.descriptor": {
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": built.image.digest,
            "size": len(engine.session.store.blobs.read(built.image.digest)),
        },
        "containerimage.digest": built.image.digest,
        "image.name": f"{FULL},docker.io/library/loaf:2",
    }
    with pytest.raises(BuildError):
        engine.build("FROM localhost/base\nRUN exit 3\n", iidfile="iid", metadata_file="meta.json")
    assert not (here / "iid").exists()
    assert "containerimage.digest" in json.loads((here / "meta.json").read_text())
    assert {p.name for p in here.iterdir()} == {"meta.json"}
    assert stat.S_IMODE((here / "meta.json").stat().st_mode) & 0o133 == 0


def cached(built):
    return [step.cached for step in built.steps]


def test_a_cache_comes_back_in_an_empty_store(engine, other, here):
    engine.build(TEXT, cache_to="type=local,dest=c,mode=max")
    built = other.build(TEXT, cache_from="type=local,src=c")
    assert (cached(built), built.notes) == ([True, True, True], ())
    assert built.image.id == engine.build(TEXT).image.id
    assert cached(other.build(TEXT)) == [True, True, True]
    assert cached(other.build(TEXT, cache_from="type=local,src=c", no_cache=True)) == [False, False, False]


def test_the_smaller_cache_has_the_images_own_steps(engine, other, here):
    text = "FROM localhost/base\nRUN echo a > /a\nWORKDIR /w\nRUN true\nCOPY <<EOF /f\nx\nEOF\n"
    engine.build(text, cache_to={"type": "local", "dest": "one"})
    assert cached(other.build(text, cache_from=["type=local,src=nowhere", "type=local,src=one"])) == [True] * 4
    engine.build(TEXT, cache_to="type=local,dest=two,compression=uncompressed")
    assert cached(other.build(TEXT, cache_from="type=local,src=two")) == [False, False, True]


def test_only_steps_that_the_build_asks_for_are_taken(engine, other, here):
    engine.build(TEXT, cache_to="type=local,dest=c,mode=max")
    engine.build("FROM localhost/base\nRUN echo other > /o\n", cache_to="type=local,dest=c,tag=other")
    other.build(TEXT, target="make", cache_from=["type=local,src=c", "type=local,src=c,tag=other"])
    with other.session.store._database.reading() as connection:
        assert connection.execute("SELECT count(*) FROM cache").fetchone()[0] == 2
    assert cached(other.build("FROM localhost/base\nRUN echo other > /o\n")) == [False]


def test_a_damaged_cache_is_a_note_and_a_plain_build(engine, other, here):
    engine.build(TEXT, cache_to="type=local,dest=c,mode=max")
    for file in (here / "c/blobs/sha256").iterdir():
        if file.read_bytes()[:2] == b"\x1f\x8b":
            file.write_bytes(file.read_bytes()[:-9] + b"evilevil!")
    built = other.build(TEXT, cache_from="type=local,src=c")
    assert cached(built) == [False, True, False]  # the second RUN changed nothing, so there is no layer to be damaged
    damaged = [note for note in built.notes if note.startswith("--cache-from c: the layer sha256:")]
    assert len(damaged) == 2
    assert all("is not used: content differs from its digest" in note for note in damaged)
    assert built.image.id == engine.build(TEXT).image.id
    (here / "c/index.json").write_text("{")
    told = other.build(TEXT, cache_from=["type=local,src=c", "type=local,src=nowhere"]).notes
    assert told == (
        "--cache-from c is not used: a manifest that is not JSON",
        "--cache-from nowhere is not used: there is no such directory",
    )
