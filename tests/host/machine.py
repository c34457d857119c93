"""A Debian of its own in a virtual machine: systemd, a cgroup v2 that is delegated to users, a kernel's NFS server.

For what the machine that runs the tests has not. Wants root, qemu-system-x86, mmdebstrap, e2fsprogs and openssh-client; KVM where there is one::

    python tests/host/machine.py make DIRECTORY                    # once: a disk of 3 GiB, in two minutes
    python tests/host/machine.py start DIRECTORY                   # --emulated where there is a KVM that does not work
    python tests/host/machine.py run DIRECTORY USER COMMAND...     # root, or student: a user with subordinate ids
    python tests/host/machine.py stop DIRECTORY

Every ``run`` first copies the working tree to ``/opt/dockmagic``, where the command starts. A command of ``student`` runs in a scope of its user
manager, whose control groups are delegated; with ``--session`` before the user's name it stays in the session of its login, which has none.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
RELEASE, PYTHON = "bookworm", "3.11"
PACKAGES = (
    "linux-image-amd64,initramfs-tools,systemd,systemd-sysv,udev,dbus-user-session,libpam-systemd,openssh-server,iproute2,procps,"
    "python3,uidmap,busybox-static,passt,slirp4netns,proot,git,strace,nfs-kernel-server,nfs-common,mmdebstrap,ca-certificates"
)
TESTS = ("hypothesis", "ipykernel", "nbclient", "nbconvert", "pytest", "pytest-timeout")
# The initial file system needs no more than the way to the disk; the rest is loaded from there.
MODULES = "virtio_pci\nvirtio_blk\next4\n"
NETWORK = "[Match]\nName=en*\n[Network]\nDHCP=yes\n"
START_SECONDS = 300


def make(top: Path) -> None:
    """Install the system into a directory, then copy that into a disk's image."""
    top.mkdir(exist_ok=True)
    root = top / "root"
    hook = 'mkdir -p "$1/etc/initramfs-tools/conf.d"; echo MODULES=list > "$1/etc/initramfs-tools/conf.d/modules"; '
    hook += f'printf {shlex.quote(MODULES)} > "$1/etc/initramfs-tools/modules"'
    sources = Path("/etc/apt/sources.list.d/debian.sources")
    command = [
        "mmdebstrap",
        "--variant=minbase",
        "--quiet",
        f"--include={PACKAGES}",
        f"--setup-hook={hook}",
        RELEASE,
        str(root),
    ]
    subprocess.run([*command, *([str(sources)] if sources.exists() else [])], check=True)
    wanted = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    packages = [*wanted["dependencies"], *wanted["optional-dependencies"]["fast"], *TESTS]
    target = root / f"usr/local/lib/python{PYTHON}/dist-packages"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target), "--only-binary=:all:"]
    subprocess.run([*pip, "--python-version", PYTHON, *packages], check=True)
    settle(root, top)
    disk = top / "disk.ext4"
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", str(root), str(disk), "3g"], check=True)
    for name in ("vmlinuz", "initrd.img"):
        shutil.copy(next((root / "boot").glob(f"{name}-*")), top / name)
    shutil.rmtree(root)


def settle(root: Path, top: Path) -> None:
    """Its name, network, users and keys."""
    key = top / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    (root / "etc/hostname").write_text("host\n")
    (root / "etc/fstab").write_text("/dev/vda / ext4 defaults 0 1\n")
    (root / "etc/systemd/network/wired.network").write_text(NETWORK)
    (root / "var/lib/systemd/linger").mkdir(parents=True, exist_ok=True)
    (root / "var/lib/systemd/linger/student").touch()
    inside = ["chroot", str(root)]
    subprocess.run([*inside, "useradd", "-m", "-s", "/bin/bash", "student"], check=True)
    subprocess.run([*inside, "systemctl", "--quiet", "enable", "systemd-networkd", "ssh"], check=True)
    for home, user in (("root", "root"), ("home/student", "student")):
        (root / home / ".ssh").mkdir(mode=0o700, exist_ok=True)
        shutil.copy(key.with_suffix(".pub"), root / home / ".ssh/authorized_keys")
        subprocess.run([*inside, "chown", "-R", f"{user}:", f"/{home}/.ssh"], check=True)


def start(top: Path, *, emulated: bool) -> None:
    """Start it and wait until it lets us in."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    (top / "port").write_text(str(port))
    native = os.access("/dev/kvm", os.W_OK) and not emulated
    processor = ["-accel", "kvm", "-cpu", "host"] if native else ["-accel", "tcg", "-cpu", "max"]
    command = ["qemu-system-x86_64", *processor, "-m", "3072", "-smp", "2", "-display", "none", "-daemonize"]
    command += ["-pidfile", str(top / "pid"), "-serial", f"file:{top}/console.log"]
    command += ["-kernel", str(top / "vmlinuz"), "-initrd", str(top / "initrd.img")]
    command += ["-append", "root=/dev/vda rw console=ttyS0 quiet"]
    command += ["-drive", f"file={top}/disk.ext4,format=raw,if=virtio,cache=unsafe"]
    command += ["-nic", f"user,model=virtio-net-pci,hostfwd=tcp:127.0.0.1:{port}-:22"]
    subprocess.run(command, check=True)
    end = time.monotonic() + START_SECONDS
    while subprocess.run(login(top, "root", "true"), capture_output=True, check=False).returncode:
        if time.monotonic() > end:
            sys.exit(f"it does not let us in; see {top}/console.log")
        time.sleep(1)


def login(top: Path, user: str, command: str) -> list[str]:
    """A command line that runs another one there."""
    options = ["-q", "-i", str(top / "key"), "-p", (top / "port").read_text()]
    options += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=5"]
    return ["ssh", *options, f"{user}@127.0.0.1", command]


def run(top: Path, user: str, words: list[str], *, session: bool) -> int:
    """Copy the working tree, then run a command in it; its exit code."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=REPOSITORY, check=True, capture_output=True
    )
    present = b"\0".join(
        name for name in names.stdout.split(b"\0") if name and (REPOSITORY / os.fsdecode(name)).exists()
    )
    pack = ["tar", "-c", "--null", "--no-recursion", "-T", "-"]
    tree = subprocess.run(pack, cwd=REPOSITORY, input=present, check=True, capture_output=True)
    unpack = "mkdir -p /opt/dockmagic && tar -x --no-same-owner -C /opt/dockmagic"
    subprocess.run(login(top, "root", unpack), input=tree.stdout, check=True)
    command = f"cd /opt/dockmagic && export PYTHONPATH=/opt/dockmagic && {shlex.join(words)}"
    if user != "root" and not session:
        runtime = "export XDG_RUNTIME_DIR=/run/user/$(id -u)"
        command = f"{runtime}; systemd-run --user --scope --quiet -p Delegate=yes sh -c {shlex.quote(command)}"
    return subprocess.run(login(top, user, command), check=False).returncode


def stop(top: Path) -> None:
    """Let it end by itself, and wait until it has."""
    pid = int((top / "pid").read_text())
    subprocess.run(login(top, "root", "systemctl poweroff"), check=False)
    while Path(f"/proc/{pid}").exists():
        time.sleep(0.5)


def main() -> int:
    """What the command line asks for."""
    parser = argparse.ArgumentParser()
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name in ("make", "start", "run", "stop"):
        verb = verbs.add_parser(name)
        verb.add_argument("directory", type=Path)
        if name == "start":
            verb.add_argument("--emulated", action="store_true")
        if name == "run":
            verb.add_argument("--session", action="store_true")
            verb.add_argument("user")
            verb.add_argument("command", nargs=argparse.REMAINDER)
    asked = parser.parse_args()
    if asked.verb == "run":
        return run(asked.directory, asked.user, asked.command, session=asked.session)
    if asked.verb == "start":
        start(asked.directory.resolve(), emulated=asked.emulated)
    else:
        {"make": make, "stop": stop}[asked.verb](asked.directory.resolve())
    return 0


if __name__ == "__main__":
    sys.exit(main())
