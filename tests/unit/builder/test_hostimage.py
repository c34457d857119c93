from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from dockmagic.builder.hostimage import ensure, image, is_host_image, tools
from dockmagic.builder.hostimage.base import base as plan
from dockmagic.builder.hostimage.elf import read as read_elf
from dockmagic.builder.hostimage.tree import tar
from dockmagic.engine.session import RefusedOwner
from dockmagic.errors import DockmagicError, IsolationError, NotFoundError
from dockmagic.store import Store
from tests.unit.builder.hostimage_making import elf
from tests.unit.store.making import EPOCH, add_image, open_store
from tests.users import REPOSITORY

ASSEMBLE = """
import os, sys
from pathlib import Path
os.umask(int(sys.argv[2], 8))
from dockmagic.builder.hostimage import ensure
from tests.unit.store.making import EPOCH, open_store
print(ensure(open_store(Path(sys.argv[1])), sys.argv[3], epoch=EPOCH))
"""


def begin(home, *, umask="022", name="localhost/base", **options):
    """Another process that assembles an image."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), **options.pop("env", {})}
    command = [sys.executable, "-c", ASSEMBLE, str(home), umask, name]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def ended(process):
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out.strip()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return open_store(tmp_path_factory.mktemp("host") / "store")


@pytest.fixture(scope="module")
def base(store):
    return store.images.get(ensure(store, "localhost/base", epoch=EPOCH))


@pytest.fixture(scope="module")
def python(store):
    return store.images.get(ensure(store, "localhost/python", epoch=EPOCH))


def members(store, diff_id):
    with tarfile.open(fileobj=io.BytesIO(store.blobs.read(store.layers.get(diff_id).blob.digest))) as tar:
        return {member.name: member for member in tar}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("localhost/base", True),
        ("localhost/base:latest", True),
        ("localhost/python", True),
        ("localhost/python:latest", True),
        ("localhost/base:1", False),
        ("localhost/bases", False),
        ("localhost:5000/base", False),
        ("base", False),
        ("python", False),
        ("docker.io/localhost/base", False),
        ("localhost/base@sha256:" + "0" * 64, False),
        ("LOCALHOST/Base", False),
        ("", False),
        ("0" * 64, False),
        ("not a name", False),
    ],
)
def test_the_two_names_are_known_in_every_spelling(name, expected):
    assert is_host_image(name) is expected


def test_the_base_has_what_the_documentation_says(store, base):
    (diff_id,) = base.diff_ids
    found = members(store, diff_id)
    for package in tools.PACKAGES:
        for name in package.required:
            assert f"usr/bin/{name}" in found or f"usr/sbin/{name}" in found, name
    for path, mode in {"tmp": 0o1777, "var/tmp": 0o1777, "mnt": 0o755, "root": 0o700, "home": 0o755}.items():
        assert (found[path].isdir(), found[path].mode) == (True, mode), path
    for path in ("bin", "sbin", "lib", "lib64"):
        assert found[path].linkname == f"usr/{path}"
    for path in ("etc/passwd", "etc/group", "etc/os-release", "etc/nsswitch.conf"):
        assert path in found
    assert {name.partition("/")[0] for name in found} == {
        "bin", "dev", "etc", "home", "lib", "lib64", "mnt", "opt", "proc", "root", "run", "sbin", "sys", "tmp", "usr", "var"
    }  # fmt: skip
    assert {name for name in found if name.startswith("etc/")} == {
        "etc/group", "etc/nsswitch.conf", "etc/os-release", "etc/passwd"
    }  # fmt: skip


def test_owners_modes_and_times_are_the_same_for_every_file(store, python):
    for diff_id in python.diff_ids:
        for member in members(store, diff_id).values():
            assert (member.uid, member.gid, member.uname, member.mtime) == (0, 0, "", EPOCH), member.name
            assert member.type in (tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE), member.name
            if member.isfile():
                is_program = "/bin/" in member.name or "/sbin/" in member.name or "/ld-" in member.name
                assert member.mode == (0o755 if is_program else 0o644), member.name


def test_no_link_of_the_image_leads_nowhere(store, python):
    there = {name: m for diff_id in python.diff_ids for name, m in members(store, diff_id).items()}

    def lead(path):
        for _ in range(9):
            parts = path.split("/")
            for number in range(1, len(parts) + 1):
                member = there.get("/".join(parts[:number]))
                if member is not None and member.issym():
                    above = "" if member.linkname.startswith("/") else "/".join(parts[: number - 1])
                    path = os.path.normpath("/".join(["", above, member.linkname, *parts[number:]])).lstrip("/")
                    break
            else:
                return path
        return "a loop"

    for name, member in there.items():
        if member.issym():
            assert lead(name) in there, name


def test_the_image_says_where_it_is_from_and_starts_nothing_by_itself(store, base, python):
    assert [row.created_by for row in base.config.history] == ["FROM localhost/base"]
    assert [row.created_by for row in python.config.history] == ["FROM localhost/base", "FROM localhost/python"]
    assert {row.created for row in python.config.history} == {"1980-01-01T00:00:00Z"}
    for record in (base, python):
        assert record.config.config.cmd is None
        assert record.config.config.entrypoint is None
        assert record.config.config.env[0].startswith("PATH=/usr/local/sbin:")
        assert all(store.layers.get(diff_id).host_made for diff_id in record.diff_ids)
    assert python.diff_ids[0] == base.diff_ids[0]
    assert store.images.tags(base.id) == ["localhost/base:latest"]
    assert store.check() == []


def test_the_base_is_small(store, base):
    assert store.layers.get(base.diff_ids[0]).size < 40_000_000


def test_the_same_machine_gives_the_same_image_in_every_store(base, python, tmp_path):
    odd = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "LC_ALL": "POSIX", "TZ": "Asia/Seoul", "HOME": "/nonexistent"}
    (tmp_path / "sh").write_text("#!/bin/false\n")
    (tmp_path / "sh").chmod(0o755)
    assert ended(begin(tmp_path / "a", umask="077", cwd=tmp_path, env=odd)) == base.id
    assert ended(begin(tmp_path / "b", umask="000", cwd="/", name="localhost/python", env=odd)) == python.id


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_gets_the_same_layer(base, tmp_path):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgroups([])
            os.setgid(54321)
            os.setuid(54321)
            state = hashlib.sha256()
            for chunk in tar(plan(), EPOCH):
                state.update(chunk)
            os.write(write, state.hexdigest().encode())
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read) as pipe:
        assert f"sha256:{pipe.read()}" == base.diff_ids[0]
    assert os.waitpid(child, 0)[1] == 0


def test_two_processes_at_once_make_one_image(tmp_path):
    open_store(tmp_path / "store")
    processes = [begin(tmp_path / "store") for _ in range(2)]
    assert len({ended(process) for process in processes}) == 1
    store = open_store(tmp_path / "store")
    assert len(store.images.list()) == 1
    assert store.check() == []


def test_once_made_it_stays_as_it_is(store, base, tmp_path, monkeypatch):
    monkeypatch.setattr(tools, "DIRECTORIES", (str(tmp_path),))
    for name in ("localhost/base", "localhost/base:latest"):
        assert ensure(store, name, epoch=EPOCH + 1) == base.id


def test_what_another_process_made_meanwhile_stays(tmp_path, monkeypatch):
    store = open_store(tmp_path / "store")
    assemble = image._assemble

    def overtaken(*arguments):
        made = assemble(*arguments)
        overtaken.first = add_image(store, {"a": b"of another machine"}, name="localhost/base")
        return made

    monkeypatch.setattr(image, "_assemble", overtaken)
    assert ensure(store, "localhost/base", epoch=EPOCH) == overtaken.first
    assert store.images.resolve("localhost/base") == overtaken.first


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A machine whose programs are scripts, but for the shell and yes."""
    directory = tmp_path / "programs"
    directory.mkdir()
    for package in tools.PACKAGES:
        for name in package.required:
            (directory / name).write_text("#!/bin/sh\n")
            (directory / name).chmod(0o755)
    (directory / "sh").unlink()
    (directory / "sh").symlink_to("/bin/sh")
    (directory / "yes").write_bytes(Path(tools.find("yes")).read_bytes())
    monkeypatch.setattr(tools, "DIRECTORIES", (str(directory),))
    return directory


def test_a_missing_program_is_named_with_its_package(programs, tmp_path):
    store = open_store(tmp_path / "store")
    (programs / "ps").unlink()
    with pytest.raises(NotFoundError, match="there is no ps") as caught:
        ensure(store, "localhost/base", epoch=EPOCH)
    assert "apt-get install procps" in caught.value.hint
    (programs / "sh").unlink()
    with pytest.raises(NotFoundError, match="apt-get install dash"):
        ensure(store, "localhost/python", epoch=EPOCH)
    assert store.images.list() == []
    assert store.check() == []


def test_a_script_brings_its_interpreter_and_one_without_is_an_error(programs):
    (programs / "grep").write_text("#!/usr/bin/env -S special\n")
    with pytest.raises(NotFoundError, match="a script, and there is no special"):
        plan()
    (programs / "special").write_text("#! /bin/sh -u\n")
    (programs / "special").chmod(0o755)
    assert str(programs / "special").lstrip("/") in plan()


def test_a_library_that_is_missing_is_named(programs):
    (programs / "grep").write_bytes(elf(needed=("libnowhere.so.9",), kind=_kind()))
    with pytest.raises(NotFoundError, match=r"is missing: libnowhere\.so\.9") as caught:
        plan()
    assert "grep" in caught.value.detail


@pytest.mark.parametrize("content", [b"", b"text\n", b"\x7fELF\2\1"], ids=["empty", "text", "damaged"])
def test_a_program_that_is_none_is_an_error(programs, content):
    (programs / "grep").write_bytes(content)
    with pytest.raises(DockmagicError, match="a program of this machine is"):
        plan()


def test_a_library_outside_the_default_directories_goes_into_one(programs, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own/libown.so.1").write_bytes(elf(kind=_kind()))
    (programs / "grep").write_bytes(elf(needed=("libown.so.1",), runpath=f"{tmp_path}/own", kind=_kind()))
    pieces = plan()
    (libc,) = (path for path in pieces if path.endswith("/libc.so.6"))
    assert f"{libc.rpartition('/')[0]}/libown.so.1" in pieces
    (tmp_path / "own/libc.so.6").write_bytes(elf(kind=_kind()))
    (programs / "grep").write_bytes(elf(needed=("libc.so.6",), runpath=f"{tmp_path}/own", kind=_kind()))
    with pytest.raises(DockmagicError, match="one path"):
        plan()


def test_a_program_that_changes_while_it_is_copied_leaves_the_store_as_it_was(programs, tmp_path, monkeypatch):
    store = open_store(tmp_path / "store")

    def changed():
        pieces = plan()
        with (programs / "yes").open("ab") as file:
            file.write(b"x")
        return pieces

    monkeypatch.setattr(image, "base", changed)
    with pytest.raises(DockmagicError, match="changed while it was copied"):
        ensure(store, "localhost/base", epoch=EPOCH)
    assert store.images.list() == []
    assert store.check() == []


def test_a_host_that_cannot_unpack_layers_says_so(tmp_path):
    refusal = IsolationError("user namespaces are denied", hint="ask for them")
    store = Store.open(tmp_path / "store", RefusedOwner(refusal))
    with pytest.raises(IsolationError, match="user namespaces are denied"):
        ensure(store, "localhost/base", epoch=EPOCH)
    assert store.images.list() == []
    assert list((tmp_path / "store/blobs/sha256").iterdir()) == []


def test_a_set_id_program_is_an_ordinary_one_in_the_image(programs):
    (programs / "yes").chmod(0o6711)
    assert plan()[str(programs / "yes").lstrip("/")].entry.mode == 0o755


def _kind():
    with Path("/bin/sh").open("rb") as file:
        return read_elf(file.fileno()).kind
