"""Owners of files in a real namespace of one id, by an ordinary user without subordinate ids."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
import tarfile
from pathlib import Path

import pytest

from dockmagic.sandbox.ownership import OWNER_XATTR, parse_owner
from tests.users import UIDS, make_user


class Box:
    """A small root file system of an ordinary user, and what a script left in its upper directory."""

    def __init__(self, user) -> None:
        self.user = user
        self.base = user.home / "box"
        self.owners: dict[str, list[int]] = {}
        for name in ("proc", "tmp", "bin", "etc", "sub/etc"):
            (self.base / "lower" / name).mkdir(parents=True)
        shutil.copy("/usr/bin/busybox", self.base / "lower/bin/busybox")
        for name in ("sh", "tar", "chown", "su"):
            self.lower(f"bin/{name}").symlink_to("busybox")
        self.lower("etc/passwd").write_text("root:x:0:0::/:/bin/sh\nbob:x:1000:1000::/:/bin/sh\n")
        self.lower("etc/link").symlink_to("passwd")
        self.lower("etc/absolute").symlink_to("/etc/passwd")
        self.lower("etc/loop").symlink_to("loop")

    def lower(self, path) -> Path:
        return self.base / "lower" / path

    def upper(self, path) -> Path:
        return self.base / "upper" / path

    def run(self, script, uid=0, *options):
        for path in [self.base, *self.base.rglob("*")]:
            if "upper" not in path.parts and "work" not in path.parts:
                os.lchown(path, UIDS["nosub"], UIDS["nosub"])
        command = [sys.executable, "-m", "tests.integration.one_id", str(self.base), str(uid), script, *options]
        done = self.user.run(*command, timeout=60)
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        assert "failed" not in answer["result"], answer["result"]["failed"]
        self.owners = answer["owners"]
        return answer["result"]

    def owner(self, path):
        """As ``seal`` reads it: the side table first, then the xattr, then the default."""
        found = os.lstat(self.upper(path))
        if str(found.st_ino) in self.owners:
            return tuple(self.owners[str(found.st_ino)])
        if stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode):
            try:
                return parse_owner(os.getxattr(self.upper(path), OWNER_XATTR))
            except OSError:
                pass
        return None


@pytest.fixture
def box(tmp_path_factory):
    return Box(make_user("nosub", tmp_path_factory.mktemp("pytest-box")))


def test_without_the_supervisor_the_kernel_refuses_every_other_owner(box):
    """The negative control: this really is a namespace of one id."""
    result = box.run("result['one'] = attempt(os.chown, '/etc/passwd', 33, 33)", 0, "--plain")

    assert result == {"one": "EINVAL"}
    assert not box.upper("etc/passwd").exists()


def test_files_and_directories_bear_their_owner_through_renames_and_links(box):
    result = box.run("""
open('/a', 'w').close(); os.mkdir('/d')
result['file'] = attempt(os.chown, '/a', 33, 34)
result['directory'] = attempt(os.chown, '/d', 1000, 1001)
os.rename('/a', '/b'); os.link('/b', '/c'); os.rename('/d', '/e')
""")

    assert set(result.values()) == {"ok"}
    assert box.owner("b") == box.owner("c") == (33, 34)
    assert box.owner("e") == (1000, 1001)
    assert box.owners == {}


def test_links_pipes_and_sockets_stand_in_the_table_through_renames(box):
    result = box.run("""
os.symlink('nowhere', '/s'); os.mkfifo('/f'); socket.socket(socket.AF_UNIX).bind('/k')
result['link'] = attempt(os.lchown, '/s', 1, 2)
result['fifo'] = attempt(os.chown, '/f', 3, 4)
result['socket'] = attempt(os.chown, '/k', 5, 6)
result['lower'] = attempt(os.lchown, '/etc/link', 7, 8)
for name in 'sfk': os.rename('/' + name, '/etc/new-' + name)
""")

    assert set(result.values()) == {"ok"}
    assert [box.owner(f"etc/{n}") for n in ("new-s", "new-f", "new-k", "link")] == [(1, 2), (3, 4), (5, 6), (7, 8)]


def test_a_removed_link_leaves_no_owner_for_the_next_one(box):
    box.run("""
for turn in range(50):
    os.symlink('x', '/s'); os.lchown('/s', 9, 9); os.unlink('/s'); os.symlink('x', f'/kept{turn}')
os.symlink('x', '/mine'); os.lchown('/mine', 9, 9)
""")

    assert [box.owner(f"kept{turn}") for turn in range(50)] == [None] * 50
    assert box.owner("mine") == (9, 9)
    assert len(box.owners) == 1


def test_minus_one_keeps_that_half(box):
    box.run("""
open('/a', 'w').close(); os.chown('/a', 33, -1); os.chown('/a', -1, 44)
os.symlink('x', '/s'); os.lchown('/s', 33, -1); os.lchown('/s', -1, 44)
open('/b', 'w').close(); os.chown('/b', -1, -1)
""")

    assert box.owner("a") == box.owner("s") == (33, 44)
    assert box.owner("b") is None


def test_a_change_of_owner_copies_up_and_clears_set_user_id(box):
    box.lower("etc/passwd").chmod(0o6755)
    result = box.run("result['c'] = attempt(os.chown, '/etc/passwd', 0, 0)")

    assert result == {"c": "ok"}
    assert stat.S_IMODE(box.upper("etc/passwd").stat().st_mode) == 0o755
    assert box.owner("etc/passwd") == (0, 0)


def test_an_owner_below_is_copied_up_with_its_file(box):
    os.setxattr(box.lower("etc/passwd"), OWNER_XATTR, b"12:34")
    box.run("open('/etc/passwd', 'a').close(); os.chmod('/etc/passwd', 0o600); os.chown('/etc', -1, 5)")

    assert box.owner("etc/passwd") == (12, 34)
    assert box.owner("etc") == (0, 5)


def test_errors_are_those_of_chown(box):
    result = box.run("""
file = os.open('/etc/passwd', os.O_RDONLY); path = os.open('/etc/passwd', os.O_PATH)
result['ENOENT'] = attempt(os.chown, '/none', 1, 1)
result['ENOENT 2'] = attempt(os.chown, '', 1, 1)
result['ENOENT 3'] = attempt(os.chown, '/none/deeper', 1, 1)
result['ENOTDIR'] = attempt(os.chown, '/etc/passwd/x', 1, 1)
result['ENOTDIR 2'] = attempt(os.chown, '/etc/passwd/', 1, 1)
result['ENOTDIR 3'] = attempt(fchownat, file, b'x', 1, 1, 0)
result['ELOOP'] = attempt(os.chown, '/etc/loop', 1, 1)
result['ENAMETOOLONG'] = attempt(os.chown, '/' + 'a' * 256, 1, 1)
result['ENAMETOOLONG 2'] = attempt(os.chown, '/a' * 2048, 1, 1)
result['EFAULT'] = attempt(raw_chown, 1)
result['EFAULT 2'] = attempt(raw_chown, 2**64 - 4096)
result['EBADF'] = attempt(os.fchown, 77, 1, 1)
result['EBADF 2'] = attempt(os.fchown, path, 1, 1)
result['EBADF 3'] = attempt(fchownat, 77, b'x', 1, 1, 0)
result['EBADF 4'] = attempt(os.fchown, 2**31 - 1, 1, 1)
result['EINVAL'] = attempt(os.chown, '/etc/passwd', 65536, 1)
result['EINVAL 2'] = attempt(os.chown, '/etc/passwd', 1, 2**32 - 2)
result['EINVAL 3'] = attempt(fchownat, -100, b'/etc/passwd', 1, 1, 0x400)
""")

    assert {k: v for k, v in result.items() if v != k.split()[0]} == {}
    assert not box.upper("etc").exists()


def test_every_way_to_name_a_file(box):
    result = box.run("""
for n in range(9): open(f'/etc/{n}', 'w').close()
etc = os.open('/etc', os.O_RDONLY); plain = os.open('/etc/3', os.O_RDONLY); path = os.open('/etc/4', os.O_PATH)
os.chdir('/sub/etc')
result['relative'] = attempt(os.chown, '../../etc/0', 1, 0)
result['dirfd'] = attempt(os.chown, '1', 1, 1, dir_fd=etc)
result['absolute beats dirfd'] = attempt(os.chown, '/etc/2', 1, 2, dir_fd=etc)
result['descriptor'] = attempt(os.fchown, plain, 1, 3)
result['empty path'] = attempt(fchownat, path, b'', 1, 4, 0x1000)
os.rename('/etc/5', '/etc/other name'); os.chdir('/etc')
result['cwd'] = attempt(os.chown, './other name', 1, 5)
os.symlink('../etc/6', '/etc/to6'); os.symlink('/etc/7', '/etc/to7')
result['relative link'] = attempt(os.chown, 'to6', 1, 6)
result['absolute link'] = attempt(os.chown, 'to7', 1, 7)
file = os.open('/etc/8', os.O_RDONLY)
result['own descriptor'] = attempt(os.chown, f'/proc/self/fd/{file}', 1, 8)
result['empty path at cwd'] = attempt(fchownat, -100, b'', 1, 9, 0x1000)
result['above the root'] = attempt(os.chown, '/../../../sub', 1, 10)
""")

    assert {k: v for k, v in result.items() if v != "ok"} == {}
    names = ["0", "1", "2", "3", "4", "other name", "6", "7", "8"]
    assert [box.owner(f"etc/{n}") for n in names] == [(1, n) for n in range(9)]
    assert (box.owner("etc"), box.owner("sub")) == ((1, 9), (1, 10))
    assert box.owners == {}


def test_no_link_leads_to_a_file_of_the_host(box, tmp_path):
    canary = tmp_path / "canary"
    canary.write_text("host")
    os.chown(canary, UIDS["nosub"], UIDS["nosub"])
    canary.chmod(0o6755)
    box.lower("etc/escape").symlink_to(canary)
    box.lower("etc/climb").symlink_to("../" * 30 + str(canary).lstrip("/"))
    result = box.run(f"""
result['link'] = attempt(os.chown, '/etc/escape', 1, 1)
result['climb'] = attempt(os.chown, '/etc/climb', 1, 1)
os.chdir('/etc'); result['relative'] = attempt(os.chown, '{"../" * 30}{str(canary).lstrip("/")}', 1, 1)
result['magic'] = attempt(os.chown, '/proc/1/root{canary}', 1, 1)
""")

    assert set(result.values()) == {"ENOENT"}
    assert stat.S_IMODE(canary.stat().st_mode) == 0o6755


def test_a_changed_root_is_the_root_of_paths(box):
    box.lower("sub/etc/passwd").write_text("another")
    box.lower("sub/up").symlink_to("/../etc/passwd")
    result = box.run("""
os.chroot('/sub'); os.chdir('/')
result['absolute'] = attempt(os.chown, '/etc/passwd', 7, 7)
result['link'] = attempt(os.chown, '/up', 7, -1)
os.symlink('x', '/s'); result['table'] = attempt(os.lchown, '/s', 8, 8)
""")

    assert set(result.values()) == {"ok"}
    assert box.owner("sub/etc/passwd") == (7, 7)
    assert box.owner("sub/s") == (8, 8)
    assert not box.upper("etc").exists()


def test_elsewhere_only_the_one_id_exists(box):
    result = box.run("""
open('/tmp/x', 'w').close(); read, write = os.pipe()
result['own'] = attempt(os.chown, '/tmp/x', 0, 0)
result['unchanged'] = attempt(os.chown, '/tmp/x', -1, -1)
result['other'] = attempt(os.chown, '/tmp/x', 33, 0)
result['pipe'] = attempt(os.fchown, write, 33, 33)
result['xattrs'] = os.listxattr('/tmp/x')
""")

    assert result == {"own": "ok", "unchanged": "ok", "other": "EINVAL", "pipe": "EINVAL", "xattrs": []}


def test_a_user_without_privileges_can_give_nothing_away(box):
    os.setxattr(box.lower("etc/passwd"), OWNER_XATTR, b"0:0")
    result = box.run(
        """
drop_capabilities(); open('/mine', 'w').close()
result['own'] = attempt(os.chown, '/mine', 1000, 1000)
result['nothing'] = attempt(os.chown, '/mine', -1, -1)
result['to root'] = attempt(os.chown, '/mine', 0, -1)
result['to a group'] = attempt(os.chown, '/mine', -1, 27)
result["root's"] = attempt(os.chown, '/etc/passwd', 1000, -1)
result["root's group"] = attempt(os.chown, '/etc/passwd', -1, 1000)
""",
        1000,
    )

    denied = ["to root", "to a group", "root's", "root's group"]
    assert result == {"own": "ok", "nothing": "ok", **dict.fromkeys(denied, "EPERM")}
    assert box.owner("mine") == (1000, 1000)


def test_switching_users_fails_honestly(box):
    result = box.run("""
result['setuid'] = attempt(os.setuid, 1000)
result['setgid'] = attempt(os.setgid, 1000)
result['setgroups'] = attempt(os.setgroups, [])
result['mknod'] = attempt(os.mknod, '/null', stat.S_IFCHR | 0o666, os.makedev(1, 3))
result['uid'] = os.getuid()
""")

    assert result == {"setuid": "EINVAL", "setgid": "EINVAL", "setgroups": "EPERM", "mknod": "EPERM", "uid": 0}


def test_a_real_tar_keeps_its_owners(box):
    with tarfile.open(box.lower("a.tar"), "w") as archive:
        for name, kind, uid in (("d", tarfile.DIRTYPE, 10), ("d/f", tarfile.REGTYPE, 11), ("d/l", tarfile.SYMTYPE, 12)):
            member = tarfile.TarInfo(name)
            member.type, member.uid, member.gid, member.linkname = kind, uid, uid + 100, "f" if "l" in name else ""
            archive.addfile(member)
    result = box.run("""
pid = os.fork()
if pid == 0: os.execve('/bin/sh', ['sh', '-ec', 'tar xpf /a.tar; chown 5:6 d/f; chown -h 12:112 d/l; ! su bob -c true'], {'PATH': '/bin'})
result['status'] = os.waitpid(pid, 0)[1]
""")

    assert result == {"status": 0}
    assert [box.owner(n) for n in ("d", "d/f", "d/l")] == [(10, 110), (5, 6), (12, 112)]


def test_threads_with_directories_of_their_own_are_told_apart(box):
    result = box.run("""
def work(n):
    check(LIBC.unshare(0x200)); os.mkdir(f'/d{n}'); os.chdir(f'/d{n}'); open('f', 'w').close()
    answers.update(attempt(os.chown, 'f', n, turn) for turn in range(100))
answers = set(); threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
result['answers'] = sorted(answers)
""")

    assert result == {"answers": ["ok"]}
    assert [box.owner(f"d{n}/f") for n in range(8)] == [(n, 99) for n in range(8)]


def test_an_earlier_table_is_taken_over(box):
    box.run("for n in 'ab': os.symlink('x', '/' + n); os.lchown('/' + n, 5, 6)")
    earlier = json.dumps(box.owners)
    box.run("os.lchown('/a', 7, -1); os.rename('/b', '/c')", 0, f"--known={earlier}")

    assert (box.owner("a"), box.owner("c")) == ((7, 6), (5, 6))


def test_callers_that_are_killed_do_not_stop_the_supervisor(box):
    result = box.run("""
for turn in range(100):
    pid = os.fork()
    if pid == 0:
        while True: os.chown('/etc/passwd', 1, turn)
    time.sleep(0.0005 * (turn % 5)); os.kill(pid, 9); os.waitpid(pid, 0)
result['after'] = attempt(os.chown, '/etc/passwd', 2, 3)
""")

    assert result == {"after": "ok"}
    assert box.owner("etc/passwd") == (2, 3)


def test_renames_during_a_change_never_leave_a_wrong_owner(box):
    result = box.run("""
os.symlink('a', '/one'); os.symlink('a', '/two'); os.lchown('/two', 2, 2)
pid = os.fork()
if pid == 0:
    while True: os.rename('/one', '/moved'); os.rename('/moved', '/one')
answers = {attempt(os.lchown, '/one', 1, 1) for _ in range(500)}
os.kill(pid, 9); os.waitpid(pid, 0)
result['unexpected'] = sorted(answers - {'ok', 'ENOENT', 'ESTALE'})
""")

    assert result == {"unexpected": []}
    assert sorted(box.owners.values()) == [[1, 1], [2, 2]]
    assert box.owner("two") == (2, 2)


def test_a_forged_owner_is_no_owner(box):
    result = box.run("""
for name, value in {'a': b'0:junk', 'b': b'-1:5', 'c': b'9' * 3000, 'd': b'', 'e': b'65536:0'}.items():
    open('/' + name, 'w').close(); os.setxattr('/' + name, 'user.dockmagic.owner', value)
    result[name] = attempt(os.chown, '/' + name, -1, 7)
""")

    assert set(result.values()) == {"ok"}
    assert [box.owner(n) for n in "abcde"] == [(0, 7)] * 5
