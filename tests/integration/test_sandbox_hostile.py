"""Hostile images and cells, by whoever runs this; ``test_sandbox_users`` runs it as other users."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pty
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dockmagic.errors import IsolationError, UsageError
from dockmagic.sandbox import syscall_table
from dockmagic.sandbox.places import copy_of
from dockmagic.sandbox.spec import Bind
from tests.integration.box import BUSYBOX, Box
from tests.users import REPOSITORY

pytestmark = pytest.mark.skipif(not Path(BUSYBOX).exists(), reason="needs busybox-static")


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    found = Box(tmp_path_factory.mktemp("box") / "store")
    yield found
    found.close()


@pytest.fixture
def image(box, request):
    """Lower directories of an image that ``fill(top)`` makes over busybox."""
    count = iter(range(100))

    def make(fill):
        name = "".join(c if c.isalnum() else "-" for c in request.node.name)
        return (box.layer(f"{name}-{next(count)}", fill), "snapshots/base")

    return make


@pytest.fixture
def listening():
    """A port on which this process answers, and an abstract name on which it listens."""

    def answer():
        with contextlib.suppress(OSError):
            while True:
                with tcp.accept()[0] as caller:
                    caller.sendall(b"REACHED\n")

    with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as unix:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        name = f"dockmagic-test-{os.getpid()}"
        unix.bind("\0" + name)
        unix.listen()
        thread = threading.Thread(target=answer)
        thread.start()
        yield tcp.getsockname()[1], name
        tcp.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_without_a_network_neither_loopback_nor_abstract_sockets_of_the_host_are_reached(box, listening):
    port, name = listening
    script = f"nc -w 1 127.0.0.1 {port} </dev/null; grep -c {name} /proc/net/unix; ls /sys; ip -o link | wc -l"

    assert box.sh(script).output.split()[-2:] == ["0", "1"]
    assert "REACHED" not in box.sh(script).output
    shared = box.sh(script, network="host").output  # the negative control
    assert "REACHED" in shared
    assert "1" in shared.split()


ASK = """
import ctypes, json, os, signal, socket, sys
calls, families = json.loads(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
def errno_of(function):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(5)
        result = function()
        os.write(write, str(ctypes.get_errno() if result < 0 else 0).encode())
        os._exit(0)
    os.close(write)
    told = os.read(read, 9).decode()
    status = os.waitpid(child, 0)[1]
    os.close(read)
    return int(told) if told else -status
def call(number, *arguments):
    return libc.syscall(ctypes.c_long(number), *(ctypes.c_long(a) for a in arguments))
print(json.dumps([
    {name: errno_of(lambda w=words: call(*w)) for name, words in calls.items()},
    {str(n): errno_of(lambda n=n: libc.socket(n, 3 if n == 16 else 1, 0)) for n in families},
]))
"""
# What podman's default lets through and what past holes needed, with arguments that do no harm if they arrive.
REFUSED = {
    "add_key": [0, 0, 0, 0, 0], "bpf": [0x7FFFFFFF, 0, 0], "fsopen": [0, 0], "init_module": [0, 0, 0], "io_uring_setup": [0, 0],
    "kcmp": [1, 1, 99, 0, 0], "kexec_load": [0, 0, 0, 0xFF00], "keyctl": [0, -3, 0], "mount": [0, 0, 0, 0, 0],
    "move_mount": [-1, 0, -1, 0, 0], "open_by_handle_at": [-1, 0, 0], "open_tree": [-1, 0, 0], "perf_event_open": [0, 0, -1, -1, 0],
    "pidfd_getfd": [-1, 0, 0], "pivot_root": [0, 0], "process_madvise": [-1, 0, 0, 0, 0], "setns": [-1, 0],
    "sethostname": [0, 1000], "swapon": [0, 0], "syslog": [10, 0, 0], "umount2": [0, 0], "unshare": [0x10000000],
    "userfaultfd": [1],
}  # fmt: skip


@pytest.mark.parametrize("user", ["", "bob"])
def test_the_calls_of_past_holes_are_refused_inside(box, image, user):
    def fill(top):
        for name in ("lib", "lib64"):
            (top / name).symlink_to(f"usr/{name}")

    numbers = syscall_table.numbers(os.uname().machine)
    calls = {name: [numbers[name], *words] for name, words in REFUSED.items()}
    unknown = {"clone3": [numbers["clone3"], 0, 0], "599": [599], "x32": [0x40000000 | numbers["getpid"]]}
    families = {n: 0 if n in {1, 2, 10, 16} else errno.EPERM for n in range(1, 46)}
    prefixes = {"/usr", sys.base_prefix} if not sys.base_prefix.startswith("/usr/") else {"/usr"}
    done = box.run(
        str(Path(sys.executable).resolve()), "-I", "-S", "-c", ASK, json.dumps([calls | unknown, list(families)]),
        user=user, lowers=image(fill), binds=tuple(Bind(source=p, target=p, read_only=True) for p in sorted(prefixes)),
    )  # fmt: skip
    found_calls, found_families = done.json()

    assert found_calls == {**dict.fromkeys(REFUSED, errno.EPERM), **dict.fromkeys(unknown, errno.ENOSYS)}
    assert {int(n): number for n, number in found_families.items()} == families


TERMINAL = """
import os, sys
from pathlib import Path
from tests.integration.box import Box
os.close(os.open("/dev/tty", os.O_RDWR))  # this process has one
box = Box(Path(sys.argv[1]))
done = box.sh("(: < /dev/tty) 2>&1 && echo OPENED; cut -d' ' -f5-8 /proc/self/stat; ls /dev/pts; tty")
os.write(1, ("SEEN " + done.output.replace("\\n", "|") + " ENDE").encode())
"""


def test_the_callers_terminal_is_not_the_containers(tmp_path):
    seen = b""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["PYTHONPATH"] = str(REPOSITORY)
        os.execv(sys.executable, [sys.executable, "-c", TERMINAL, str(tmp_path / "store")])
    with contextlib.suppress(OSError):  # EIO at the end
        while chunk := os.read(terminal, 4096):
            seen += chunk
    os.close(terminal)
    assert os.waitpid(pid, 0)[1] == 0, seen
    lines = seen.decode().replace("\r\n", "").partition("SEEN ")[2].partition(" ENDE")[0].split("|")

    assert "OPENED" not in lines
    assert "No such device" in lines[0]
    assert "ptmx" in lines
    assert "not a tty" in lines


def test_a_set_user_id_program_raises_nobody(box, image):
    def fill(top):
        (top / "bin").mkdir()
        shutil.copy(BUSYBOX, top / "bin/su")

    lowers = image(fill)
    (box.root / lowers[0] / "bin/su").chmod(0o6755)
    done = box.sh("ls -l /bin/su; su -c id", user="bob", lowers=lowers)

    assert done.output.startswith("-rwsr-sr-x")
    assert "must be suid" in done.output
    assert done.end.code != 0


@pytest.mark.parametrize("target", ["/", "..", "/tmp", "/proc/self/root/etc"])
@pytest.mark.parametrize("name", ["etc", "run", "dev/shm", "tmp"])
def test_links_in_place_of_directories_are_refused_or_lead_nowhere_outside(box, image, name, target):
    def fill(top):
        (top / name).parent.mkdir(exist_ok=True)
        (top / name).symlink_to(target)

    lowers = image(fill)
    before = sorted(Path("/proc/self/mountinfo").read_text().splitlines())
    try:
        done = box.sh("cat /proc/self/mountinfo | wc -l", lowers=lowers)
    except IsolationError as error:
        assert "must be an ordinary directory" in str(error)  # noqa: PT017 - one of two good ends
        assert name in {"etc", "run"}
    else:
        assert done.end.code == 0
    assert sorted(Path("/proc/self/mountinfo").read_text().splitlines()) == before


@pytest.mark.parametrize("name", ["hosts", "hostname", "resolv.conf"])
def test_provided_files_over_pipes_and_directories_are_refused(box, image, name):
    def pipe(top):
        (top / "etc").mkdir()
        os.mkfifo(top / "etc" / name)

    def directory(top):
        (top / "etc" / name).mkdir(parents=True)

    for fill in (pipe, directory):
        with pytest.raises(IsolationError, match="must be an ordinary file"):
            box.run("true", lowers=image(fill))


def test_a_program_that_is_the_launchers_own_image_writes_to_nothing(box, image):
    """CVE-2019-5736: the interpreter of the script is whatever the process was before."""

    def fill(top):
        for name, text in {"self": "#!/proc/self/exe\n", "one": "#!/proc/1/exe\n"}.items():
            (top / name).write_text(text)
            (top / name).chmod(0o755)
        (top / "link").symlink_to("/proc/self/exe")

    lowers = image(fill)
    before = Path(sys.executable).resolve().stat()
    for program in ("/self", "/one", "/link"):
        assert box.run(program, "-c", "open('/proc/self/exe', 'r+b')", lowers=lowers).end.code != 0
    after = Path(sys.executable).resolve().stat()

    assert (before.st_mtime_ns, before.st_size, before.st_ino) == (after.st_mtime_ns, after.st_size, after.st_ino)


@pytest.mark.parametrize("number", [0, 1, 2, *range(3, 17), 63])
def test_no_working_directory_is_a_descriptor_of_the_launcher(box, number):
    with pytest.raises(UsageError):
        box.run("pwd", cwd=f"/proc/self/fd/{number}")


def test_a_volume_in_a_volume_goes_on_a_directory_that_is_there(box, tmp_path):
    for name in ("outer/in/deep", "inner", "deepest"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "inner/deep").mkdir()
    (tmp_path / "deepest/file").write_text("found\n")
    (tmp_path / "one").write_text("one\n")
    (tmp_path / "outer/file").touch()
    binds = (  # in any order
        Bind(source=str(tmp_path / "deepest"), target="/a/in/deep"),
        Bind(source=str(tmp_path / "one"), target="/a/file"),
        Bind(source=str(tmp_path / "inner"), target="/a/in"),
        Bind(source=str(tmp_path / "outer"), target="/a", read_only=True),
    )
    done = box.sh("cat /a/in/deep/file /a/file; touch /a/x; touch /a/in/y && echo written", binds=binds)

    assert done.output.split("\n")[:2] == ["found", "one"]
    assert "Read-only" in done.output
    assert (tmp_path / "inner/y").exists()
    assert list((tmp_path / "outer/in/deep").iterdir()) == []


def test_a_volume_in_a_volume_makes_nothing_there_and_follows_no_link(box, tmp_path):
    (tmp_path / "outer").mkdir()
    (tmp_path / "inner").mkdir()
    (tmp_path / "outer/link").symlink_to("/")
    (tmp_path / "outer/up").symlink_to("..")
    (tmp_path / "outer/file").touch()
    outer = Bind(source=str(tmp_path / "outer"), target="/a")
    for target in ("missing", "link", "up", "link/tmp", "file"):
        with pytest.raises((UsageError, IsolationError)):
            box.run("true", binds=(outer, Bind(source=str(tmp_path / "inner"), target=f"/a/{target}")))

    assert sorted(path.name for path in (tmp_path / "outer").iterdir()) == ["file", "link", "up"]


def test_two_volumes_on_one_target_are_refused(box, tmp_path):
    binds = (Bind(source=str(tmp_path), target="/a"), Bind(source=str(tmp_path), target="/b/../a/"))

    with pytest.raises(UsageError, match="two volumes"):
        box.run("true", binds=binds)


def test_a_source_that_became_a_link_is_not_given(tmp_path):
    """What a container does with a volume of its own between the check and the mount of another below it."""
    (tmp_path / "shared/sub").mkdir(parents=True)
    (tmp_path / "shared/sub").rmdir()
    (tmp_path / "shared/sub").symlink_to("/")

    with pytest.raises(OSError, match="symbolic links"):
        copy_of(str(tmp_path / "shared/sub"))
    with pytest.raises(OSError, match="symbolic links"):
        copy_of(str(tmp_path / "shared/sub/etc"))


def test_a_source_that_turns_into_a_link_and_back_never_shows_the_host(box, tmp_path):
    shared = tmp_path / "shared"
    (shared / "sub").mkdir(parents=True)
    (shared / "sub/inside").touch()
    (shared / "other").symlink_to("/etc")
    stop = threading.Event()

    def swap():
        while not stop.is_set():
            for one, two in (("sub", "x"), ("other", "sub"), ("sub", "other"), ("x", "sub")):
                (shared / one).rename(shared / two)

    thread = threading.Thread(target=swap)
    thread.start()
    seen = []
    try:
        for _ in range(40):
            # what the check resolved when it was a directory
            bind = Bind(source=str(shared / "sub"), target="/x", read_only=True)
            with contextlib.suppress(UsageError, IsolationError):
                seen.append(box.run("ls", "/x", binds=(bind,)).output.split())
    finally:
        stop.set()
        thread.join()

    # A link that stood there at the check is the user's own word, and is resolved as docker does.
    assert all(names == ["inside"] or "passwd" in names for names in seen)


def test_signals_to_everybody_stay_inside(box):
    """``kill -9 -1`` in one container: this process and another container go on."""
    other, pipe = box.begin("echo ready; sleep 6000")
    pipe.readline()
    with subprocess.Popen(["sleep", "60"]) as outside:
        done = box.sh("sleep 50 & sh -c 'kill -9 -1'; echo here")
        assert done.output.split()[-1:] == ["here"]
        assert outside.poll() is None
        assert other.wait(0) is None
        outside.kill()
    other.kill()
    other.close()
    pipe.close()
