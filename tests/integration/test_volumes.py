"""Named volumes on real containers; ``test_sandbox_users`` runs it as other users."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from dockmagic import aio
from dockmagic.engine.engine import Engine
from dockmagic.errors import ConflictError, IsolationError, NotFoundError, UsageError

IMAGE = """FROM localhost/base
RUN mkdir -p /data/sub && echo first > /data/file && chmod 751 /data && chown 33:34 /data/file && ln -s /data /link
"""
SHELF = "FROM shelf:1\nVOLUME /data\nVOLUME /other\n"


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = Engine(tmp_path_factory.mktemp("volumes") / "home")
    made.build(IMAGE, tags="shelf:1", network="none")
    made.build(SHELF, tags="shelf:2")
    yield made
    assert made.session.store.check() == []
    made.close()


@pytest.fixture
def volume(engine):
    yield "cache"
    engine.volume.remove("cache", force=True)


def said(engine, script, *volumes, image="shelf:1", **options):
    run = engine.run(image, script=script, volumes=volumes, **options)
    assert run.error is None, run.output
    return run.stdout.split()


def test_a_volume_outlives_its_containers_and_is_no_change_of_theirs(engine, volume):
    run = engine.run("shelf:1", script="echo kept > /new/x\n", volumes=("cache:/new",))
    assert (run.error, dict(run.changes)) == (None, {})
    assert said(engine, "cat /again/x\n", "cache:/again") == ["kept"]
    assert said(engine, "cat /again/x\n", mounts=("type=volume,src=cache,dst=/again,ro",)) == ["kept"]


def test_the_first_use_copies_what_the_image_has_there(engine, volume):
    found = said(engine, "cd /data; cat file; ls; stat -c %a . ; stat -c %u:%g .\n", "cache:/data")
    assert found == ["first", "file", "sub", "751", "0:0"]
    said(engine, "rm /data/sub -r; echo second > /data/file\n", "cache:/data")
    assert said(engine, "cat /data/file; ls /data\n", "cache:/data") == ["second", "file"]


def test_the_copy_has_the_images_owners(engine, volume):
    owner = "stat -c %u /data/file; rm -f /data/file\n"
    ids = engine.session.runtime.isolation.ids
    assert said(engine, owner, "cache:/data") == (["33"] if ids == "range" else ["0"])
    if ids == "single":
        engine.volume.remove("cache")
        said(engine, "true\n", "cache:/data")
        assert owner_of(engine, "file") == b"33:34"


def owner_of(engine, name):
    return os.getxattr(engine.volume.inspect("cache").mountpoint / name, "user.dockmagic.owner")


def test_owners_can_be_changed_in_a_volume(engine, volume):
    engine.run("shelf:1", script="touch /mnt/x; ln -s x /mnt/s; chown -h 5:6 /mnt/x /mnt/s\n", name="owners",
               volumes=("cache:/mnt",)).check_returncode()  # fmt: skip
    engine.run("shelf:1", ("sleep", "60"), name="owners", background=True, volumes=("cache:/mnt",))
    joined = engine.exec("owners", script="touch /mnt/y; chown 7 /mnt/y; stat -c %u:%g /mnt/x\n")
    engine.rm("owners", force=True)
    assert joined.error is None, joined.output
    if engine.session.runtime.isolation.ids == "range":
        assert joined.stdout == "5:6\n"
    else:
        assert (owner_of(engine, "x"), owner_of(engine, "y")) == (b"5:6", b"7:0")


def test_an_empty_volume_is_filled_and_nocopy_keeps_it_empty(engine, volume):
    engine.volume.create("cache")
    assert said(engine, "ls /data\n", "cache:/data:nocopy") == []
    assert said(engine, "ls /data\n", mounts=("type=volume,src=cache,dst=/data,volume-nocopy",)) == []
    assert said(engine, "ls /empty\n", "cache:/empty") == []
    assert said(engine, "ls /link\n", "cache:/link") == ["file", "sub"]


def test_a_volume_that_a_living_container_has_is_not_replaced(engine, volume):
    engine.volume.create("cache")
    engine.run("shelf:1", ("sleep", "60"), name="living", background=True, volumes=("cache:/mnt",))
    try:
        assert said(engine, "ls /data; echo here > /data/here\n", "cache:/data") == []
        assert engine.exec("living", script="cat /mnt/here\n").stdout == "here\n"
    finally:
        engine.rm("living", force=True)


def test_files_belong_to_the_notebook_where_it_can_be(engine, volume):
    said(engine, "echo x > /mnt/x\n", "cache:/mnt")
    made = engine.volume.inspect("cache").mountpoint / "x"
    runtime = engine.session.runtime
    expected = runtime._ids.owner[0] if runtime.scheme.startswith("range-") and os.geteuid() == 0 else os.geteuid()
    assert (made.stat().st_uid, made.read_text()) == (expected, "x\n")


def test_another_user_of_the_image_can_write_where_the_image_lets_it(engine, volume):
    engine.build(
        "FROM localhost/base\nRUN mkdir /own && chown 1000:1000 /own\nUSER 1000\n", tags="own:1", network="none"
    )
    assert said(engine, "id -u > /own/x; cat /own/x\n", "cache:/own", image="own:1") == ["1000"]


def test_read_only_volumes_cannot_be_written(engine, volume):
    run = engine.run("shelf:1", script="echo x > /data/y || echo refused\n", volumes=("cache:/data:ro",))
    assert run.stdout == "refused\n"


def test_volumes_of_the_image_are_made_and_go_with_the_container(engine):
    assert said(engine, "cat /data/file; echo x > /other/x; grep -c ' /data ' /proc/mounts\n", image="shelf:2") == [
        "first",
        "1",
    ]
    assert len(engine.volume.list()) == 0


def test_volumes_of_a_kept_container_stay_with_it(engine):
    run = engine.run("shelf:2", script="echo x > /other/x\n", name="shelf")
    assert dict(run.changes) == {}
    assert {mount["target"] for mount in run.container.config["mounts"]} == {"/data", "/other"}
    assert engine.exec("shelf", script="cat /other/x\n").stdout == "x\n"
    assert len(engine.volume.list([("dangling", "false")])) == 2
    assert engine.commit("shelf").notes[0] == "what is in /data belongs to a volume and is not in the image"
    engine.run("shelf:2", script="ls /other\n", name="shelf")  # replaces it, and what only it had
    assert len(engine.volume.list()) == 2
    engine.rm("shelf")
    left = engine.volume.list()
    assert [len(volume.users) for volume in left] == [0, 0]
    assert set(engine.volume.prune()) == {volume.name for volume in left}


def test_rm_takes_the_unnamed_volumes_along_when_asked(engine, volume):
    engine.run("shelf:2", script="true\n", name="shelf", volumes=("cache:/mnt", "/unnamed"))
    assert len(engine.volume.list()) == 4
    engine.rm("shelf", volumes=True)
    assert [found.name for found in engine.volume.list()] == ["cache"]


def test_a_named_volume_takes_the_place_of_the_images(engine, volume):
    said(engine, "echo x > /data/x\n", "cache:/data", image="shelf:2")
    assert said(engine, "ls /data\n", "cache:/data", image="shelf:2") == ["file", "sub", "x"]
    assert [found.name for found in engine.volume.list()] == ["cache"]


def test_a_volume_in_use_is_not_removed(engine, volume):
    engine.run("shelf:1", script="true\n", name="holder", volumes=("cache:/mnt",))
    with pytest.raises(ConflictError, match="volume cache is in use by container holder"):
        engine.volume.remove("cache")
    assert engine.volume.prune(all=True) == ()
    assert engine.volume.inspect("cache").users == ("holder",)
    engine.rm("holder")
    assert engine.volume.remove("cache") == ("cache",)
    with pytest.raises(NotFoundError, match="no such volume: cache"):
        engine.volume.inspect("cache")


def test_the_verbs_of_volumes(engine, volume):
    made = engine.volume.create("cache", labels={"course": "7"})
    assert (made.name, made.driver, dict(made.labels), str(made)) == ("cache", "local", {"course": "7"}, "cache")
    assert engine.volume.create("cache") == made
    assert engine.volume.exists("cache")
    assert not engine.volume.exists("nothing")
    assert [v.name for v in engine.volume.list([("label", "course=7")])] == ["cache"]
    assert len(engine.volume.list([("label", "course=8")])) == 0
    said(engine, "echo x > /mnt/x; chown 5:6 /mnt/x\n", "cache:/mnt")
    copy = engine.volume.clone("cache", "copy")
    assert said(engine, "cat /mnt/x\n", "copy:/mnt") == ["x"]
    assert engine.volume.remove([copy, "nothing"], force=True) == ("copy",)
    with pytest.raises(ConflictError):
        engine.volume.clone("cache", "cache")
    unnamed = engine.volume.create()
    assert len(unnamed.name) == 64
    usage = {value.kind: value for value in engine.df()}["volumes"]
    assert (usage.total, usage.in_use, usage.size) == (2, 0, 2)
    assert [p.name for p in engine.prune(volumes=True, dry_run=True) if p.kind == "volume"] == [unnamed.name[:12]]
    assert unnamed.name in {v.name for v in engine.volume.list()}
    assert engine.volume.prune() == (unnamed.name,)
    assert str(engine.volume.list()).splitlines() == ["VOLUME   CONTAINERS", "cache"]


def test_they_can_be_awaited(engine):
    async def story():
        twin = aio.Engine(engine)
        await twin.volume.create("later")
        names = [found.name for found in await twin.volume.list()]
        await twin.volume.remove("later")
        return names

    assert asyncio.run(story()) == ["later"]


def test_volumes_of_another_container(engine, volume):
    engine.run("shelf:2", script="echo x > /other/x\n", name="first", volumes=("cache:/mnt",))
    assert said(engine, "cat /other/x; ls -d /mnt /data\n", image="shelf:1", volumes_from=("first",)) == [
        "x", "/data", "/mnt",
    ]  # fmt: skip
    run = engine.run("shelf:1", script="echo y > /other/x\n", volumes_from=("first:ro",))
    assert run.exit_code != 0
    assert engine.exec("first", script="cat /other/x\n").stdout == "x\n"
    engine.rm("first", volumes=True)


def test_mounts_lie_in_each_other_in_the_order_of_their_targets(engine, volume, tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "in").mkdir()
    (tmp_path / "host").write_text("host\n")
    script = "cat /a/b/host; echo v > /a/v; ls /a; ls /a/b/in\n"
    assert said(engine, script, f"{tmp_path}:/a/b", "cache:/a", mounts=("type=tmpfs,dst=/a/b/in,tmpfs-size=1m",)) == [
        "host", "b", "v",
    ]  # fmt: skip
    with pytest.raises(UsageError, match='"/a/missing" needs a directory "missing" in the volume on "/a"'):
        engine.run("shelf:1", script="true\n", volumes=(f"{tmp_path}:/a", "cache:/a/missing"))


def test_what_stands_in_run_or_below_it_hides_nothing_of_ours(engine, volume):
    assert said(engine, "echo here; touch /run/x\n", "cache:/run") == ["here"]
    assert said(engine, "ls /run/x\n", "cache:/run") == ["/run/x"]


def test_files_of_a_volume_by_value(engine, volume):
    run = engine.run("shelf:1", script="echo '[1]' > /mnt/out.json\n", volumes=("cache:/mnt",), get=("/mnt/out.json",))
    assert run.value("/mnt/out.json") == [1]


def test_part_of_a_volume(engine, volume):
    said(engine, "mkdir /mnt/part; echo x > /mnt/part/x; ln -s / /mnt/up\n", "cache:/mnt")
    mount = "type=volume,src=cache,dst=/p,volume-subpath="
    assert said(engine, "cat /p/x\n", mounts=(f"{mount}part",)) == ["x"]
    assert said(engine, "ls /p\n", mounts=(f"{mount}up",)) == ["part", "up"]  # a link in it leads nowhere else
    with pytest.raises(UsageError, match="is not there"):
        engine.run("shelf:1", ("true",), mounts=(f"{mount}nothing",))


def test_a_file_of_this_machine_may_stand_in_place_of_those_that_tell_names(engine, tmp_path):
    (tmp_path / "names").write_text("192.0.2.7\toven\n")
    for name in ("hosts", "resolv.conf", "hostname"):
        place = f"{tmp_path}/names:/etc/{name}"
        assert said(engine, f"cat /etc/{name}\n", f"{place}:ro") == ["192.0.2.7", "oven"]
    run = engine.run("shelf:1", script="cat /etc/hosts\n", volumes=(place,))
    assert "127.0.0.1" in run.stdout
    assert dict(run.changes) == {}


def test_a_mount_on_what_is_of_another_kind_is_refused(engine, volume, tmp_path):
    (tmp_path / "file").write_text("x")
    for source, target, kind in (
        ("cache", "/etc/passwd", "directory"),
        (str(tmp_path), "/data/file/below", "directory"),
        (f"{tmp_path}/file", "/data", "file"),
        (str(tmp_path), "/etc/hosts", "directory"),
    ):
        with pytest.raises(UsageError, match=f'a {kind} cannot be mounted on "{target}": the image has something else'):
            engine.run("shelf:1", ("true",), volumes=(f"{source}:{target}",))


def test_a_link_in_place_of_the_target_leads_only_inside(engine, volume, tmp_path):
    canary = tmp_path / "canary"
    canary.write_text("safe\n")
    engine.build(f"FROM localhost/base\nRUN mkdir /v && ln -s {tmp_path} /v/up && ln -s ../../.. /v/root && ln -s /proc /v/proc\n",
                 tags="links:1", network="none")  # fmt: skip
    said(engine, "echo x > /v/up/canary\n", "cache:/v/up", image="links:1")
    assert canary.read_text() == "safe\n"
    for volume_or_directory in ("cache", tmp_path):
        with pytest.raises(UsageError, match=r"leads from .* to the root"):
            engine.run("links:1", ("ls", "/"), volumes=(f"{volume_or_directory}:/v/root",))
        with pytest.raises(IsolationError):
            engine.run("links:1", ("ls", "/"), volumes=(f"{volume_or_directory}:/v/proc",))
    assert Path("/proc/self/mountinfo").read_text().count(str(engine.session.home)) == 0


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"volumes": ("x:/data",)}, 'invalid volume name "x"'),
        ({"volumes": ("a/b:/data",)}, 'invalid volume name "a/b"'),
        ({"volumes": ("../x:/data",)}, "the source does not exist"),
        ({"volumes": ("cache:data",)}, "the target must be an absolute path"),
        ({"volumes": ("cache:/",)}, "the target must be an absolute path below /"),
        ({"volumes": ("cache:/proc/x",)}, 'nothing can be put on "/proc/x"'),
        ({"volumes": ("cache:/a:rx",)}, 'unknown mode "rx"'),
        ({"volumes": ("cache:/a", "other:/a/")}, 'two volumes on "/a"'),
        ({"mounts": ("type=volume,src=cache",)}, "target is required"),
        ({"mounts": ("type=image,src=cache,dst=/a",)}, "type=image is not available"),
        ({"mounts": ("type=volume,src=cache,dst=/a,volume-opt=type=nfs",)}, "without driver and options"),
        (
            {"mounts": ("type=bind,src=/tmp,dst=/a,bind-propagation=shared",)},
            "bind-propagation=shared is not available",
        ),
        ({"volumes_from": ("nobody",)}, "no such container"),
    ],
)
def test_what_is_no_volume(engine, options, reason):
    before = engine.volume.list()
    with pytest.raises((UsageError, NotFoundError), match=reason):
        engine.run("shelf:1", ("true",), **options)
    assert engine.volume.list() == before


def test_what_nobody_refers_to_is_left_over_and_swept(engine):
    session = engine.session
    session.call("mkdir", {"paths": ["volumes/" + "0" * 64]})
    assert session.store.check() == ["volumes/" + "0" * 64 + ": nothing refers to it"]
    session.store.leases.sweep()
    assert session.store.check() == []
    engine.volume.create("lost")
    session.call("remove", {"path": session.store.volumes.get("lost").directory})
    assert "the files of volume lost are missing" in session.store.check()[0]
    engine.volume.remove("lost")
