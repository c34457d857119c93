"""One short error for each mistake; the store stays whole and the process goes on."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile

import pytest

from dockmagic.engine.engine import Engine
from dockmagic.errors import (
    ArchiveError,
    BuildError,
    DockerfileError,
    DockmagicError,
    NotFoundError,
    UsageError,
)
from tests.users import make_user


@pytest.fixture
def engine(tmp_path):
    made = Engine(tmp_path / "home")
    made.build("FROM localhost/base\nRUN echo kept > /kept\n", tags=("kept",))
    yield made
    assert made.run("kept", argv=("cat", "/kept")).stdout == "kept\n"
    assert made.session.store.check() == []
    made.close()


@pytest.mark.parametrize(
    ("text", "error", "line", "says"),
    [
        ("FROM localhost/base\nRUM x\n", DockerfileError, 2, "RUM"),
        ("FROM localhost/base\nCOPY --nonsense a b\n", DockerfileError, 2, "nonsense"),
        ("FROM nowhere:1\n", DockmagicError, 1, "nowhere:1"),
        ("FROM localhost/base\nCOPY missing /x\n", DockmagicError, 2, "missing"),
        ("FROM localhost/base\nCOPY ../../etc/passwd /x\n", DockmagicError, 2, "passwd"),
        ("FROM localhost/base\nCOPY --from=nowhere:1 /a /x\n", DockmagicError, 2, "nowhere"),
        ("FROM localhost/base\nENV A=b\nRUN exit 7\n", BuildError, 3, "exit code 7"),
        ("FROM localhost/base\nADD http://localhost/x /x\n", BuildError, 2, "cannot be fetched"),
        ("FROM localhost/base\nRUN --security=insecure true\n", DockerfileError, 2, "--security"),
    ],
)
def test_a_bad_dockerfile_says_what_and_where(engine, tmp_path, text, error, line, says):
    with pytest.raises(error) as caught:
        engine.build(text, context=tmp_path)
    message = str(caught.value)
    assert says in message
    assert len(message.splitlines()) <= 3
    assert str(tmp_path) not in message
    where = getattr(caught.value, "line", 0) or caught.value.location.line
    assert where == line
    assert text.splitlines()[line - 1] in caught.value.detail


def test_copy_from_a_stage_cannot_leave_its_root(engine, tmp_path):
    canary = tmp_path / "canary"
    canary.write_text("host")
    text = f"FROM localhost/base AS a\nRUN ln -s {canary} /link && ln -s / /up\nFROM localhost/base\nCOPY --from=a /link /x\n"
    with pytest.raises(DockmagicError):
        engine.build(text)
    text = "FROM localhost/base AS a\nRUN echo in > /in\nFROM localhost/base\nCOPY --from=a ../../../in /x\n"
    built = engine.build(text)
    assert engine.run(built.image, argv=("cat", "/x")).stdout == "in\n"


def test_a_symlink_in_the_context_does_not_lead_out_of_it(engine, tmp_path):
    context = tmp_path / "context"
    context.mkdir()
    (tmp_path / "secret").write_text("secret")
    (context / "link").symlink_to("../secret")
    with pytest.raises(DockmagicError):
        engine.build("FROM localhost/base\nCOPY link /x\n", context=context)


def test_a_failed_step_keeps_the_steps_before_it(engine):
    text = "FROM localhost/base\nRUN echo one > /one\nRUN false\n"
    with pytest.raises(BuildError) as caught:
        engine.build(text)
    assert [r.failed for r in caught.value.result.rows] == [False, False, True]
    again = engine.build("FROM localhost/base\nRUN echo one > /one\n")
    assert [s.cached for s in again.steps] == [True]


@pytest.mark.parametrize("content", [b"", b"no tar at all", b"\x1f\x8b\x08broken", b"<html>404</html>" * 100])
def test_a_corrupt_archive_is_refused(engine, tmp_path, content):
    path = tmp_path / "image.tar"
    path.write_bytes(content)
    with pytest.raises(ArchiveError):
        engine.load(path)
    with pytest.raises(ArchiveError):
        engine.import_(path, "x:1")


def test_a_truncated_root_file_system_is_refused(engine, tmp_path):
    whole = tmp_path / "whole.tar"
    big = tmp_path / "big"
    big.write_bytes(os.urandom(100_000))
    with tarfile.open(whole, "w") as tar:
        tar.add(big, "big")
    cut = tmp_path / "cut.tar"
    cut.write_bytes(whole.read_bytes()[:50_000])
    with pytest.raises(ArchiveError):
        engine.import_(cut, "x:1")


def test_missing_names_are_told(engine, tmp_path):
    for call in (
        lambda: engine.run("nowhere", argv=("true",)),
        lambda: engine.exec("nobody", argv=("true",)),
        lambda: engine.inspect("nothing"),
        lambda: engine.load(tmp_path / "no.tar"),
        lambda: engine.rmi("nothing"),
        lambda: engine.rm("nobody"),
    ):
        with pytest.raises(NotFoundError):
            call()


def test_an_image_without_a_command_has_nothing_to_run(engine):
    with pytest.raises(UsageError, match="nothing to run"):
        engine.run("kept")


def archive_of_kept(engine, path):
    """An archive with the layers of ``kept`` and a config of its own."""
    tars = []
    for layer in engine.inspect("kept").layers:
        with (path.parent / "layer.tar").open("w+b") as file:
            engine.session.store.layers.pack(layer.diff_id, file.fileno())
            file.seek(0)
            tars.append(file.read())
    diff_ids = [f"sha256:{hashlib.sha256(tar).hexdigest()}" for tar in tars]
    machine = engine.session.store.images.get(engine.inspect("kept").id).config.architecture
    config = {"architecture": machine, "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    names = [f"{number}.tar" for number in range(len(tars))]
    manifest = [{"Config": "config.json", "RepoTags": ["trigger:1"], "Layers": names}]
    members = {"manifest.json": json.dumps(manifest).encode(), "config.json": json.dumps(config).encode()}
    with tarfile.open(path, "w") as archive:
        for name, content in (members | dict(zip(names, tars, strict=True))).items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def test_a_step_whose_layer_would_be_one_too_many_is_refused_at_its_line(engine, monkeypatch):
    most = len(engine.inspect("kept").layers) + 1
    monkeypatch.setattr("dockmagic.builder.stagework.MOST_LAYERS", most)
    text = "FROM kept\nRUN touch /one\nRUN true\n"
    assert len(engine.build(text).image.layers) == most
    with pytest.raises(BuildError, match=f"line 4: this would be layer {most + 1}") as caught:
        engine.build(f"{text}RUN touch /more\n")
    assert "here-document" in caught.value.hint
    flat = engine.build("FROM scratch\nCOPY --from=kept / /\n").image
    assert engine.run(flat, argv=("cat", "/kept")).stdout == "kept\n"


def test_an_image_of_more_layers_than_overlayfs_takes_is_told_and_not_started(engine, monkeypatch):
    monkeypatch.setattr("dockmagic.sandbox.launched.MOST_LAYERS", len(engine.inspect("kept").layers))
    deeper = engine.build("FROM kept\nCOPY <<E /two\nE\n").image
    with pytest.raises(UsageError, match="overlayfs takes no more"):
        engine.run(deeper, argv=("true",))
    with pytest.raises(BuildError, match="line 4: an image of more than"):
        engine.build("FROM kept\nCOPY <<E /two\nE\nRUN true\n")


def test_a_trigger_that_would_set_triggers_again_is_refused(engine):
    for text in ("ONBUILD ONBUILD RUN true", "ONBUILD FROM kept", "ONBUILD MAINTAINER me"):
        with pytest.raises(DockerfileError) as caught:
            engine.build(f"FROM localhost/base\n{text}\n")
        assert caught.value.location.line == 2


def test_a_base_whose_config_has_such_a_trigger_is_refused_at_from(engine, tmp_path):
    path = archive_of_kept(engine, tmp_path / "image.tar")
    with tarfile.open(path) as tar:
        members = {member.name: tar.extractfile(member).read() for member in tar}
    config = json.loads(members["config.json"]) | {"config": {"OnBuild": ["ONBUILD RUN true"]}}
    members["config.json"] = json.dumps(config).encode()
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    engine.load(path)
    with pytest.raises(DockerfileError, match="ONBUILD") as caught:
        engine.build("FROM trigger:1\nRUN true\n")
    assert caught.value.location.line == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small file system")
def test_a_full_disk_loses_nothing(tmp_path):
    script = """
import sys
from dockmagic.engine.engine import Engine
from dockmagic.errors import DockmagicError, StoreFullError
engine = Engine(sys.argv[1])
engine.build("FROM localhost/base\\nRUN echo kept > /kept\\n", tags=("kept",))
for text in ("FROM kept\\nRUN head -c 300000000 /dev/zero > /big\\n", "FROM kept\\nCOPY big /big\\n"):
    try:
        engine.build(text, context=sys.argv[2])
    except DockmagicError as error:
        print(type(error).__name__, str(error).replace("\\n", " | "))
    else:
        print("no error")
print(engine.session.store.check())
print(engine.run("kept", argv=("cat", "/kept")).stdout)
engine.close()
"""
    (tmp_path / "context").mkdir()
    with (tmp_path / "context" / "big").open("wb") as file:
        file.truncate(300_000_000)
    (tmp_path / "store").mkdir()
    mounted = (
        f"mount -t tmpfs -o size=120m,mode=755 tmpfs {tmp_path}/store; "
        f'exec "$@" {tmp_path}/store/home {tmp_path}/context'
    )
    done = subprocess.run(
        ["unshare", "-m", "--propagation", "private", "sh", "-ec", mounted, "sh", sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines = done.stdout.splitlines()
    assert lines[0].startswith(("BuildError", "StoreFullError"))
    assert lines[1].startswith("StoreFullError"), lines
    assert lines[2:4] == ["[]", "kept"]


def test_a_store_that_cannot_be_written_is_told(tmp_path):
    user = make_user("stud", tmp_path)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o755)
    done = user.python(
        "from dockmagic.engine.engine import Engine\nfrom dockmagic.errors import StoreError\n"
        "try: Engine().images()\nexcept StoreError as error: print(error)",
        DOCKMAGIC_HOME=str(closed / "home"),
    )
    assert done.returncode == 0, done.stderr
    assert "DOCKMAGIC_HOME" in done.stdout
    assert str(closed) not in done.stdout
