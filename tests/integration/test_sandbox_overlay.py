"""The way of mounting an overlay that kernels before 6.5 need, by real root in a mount namespace of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from dockmagic.sandbox.kernel import is_before
from tests.users import REPOSITORY

SCRIPT = """
import errno, json, os, sys
from dockmagic.sandbox.ops import Site
from dockmagic.sandbox.rootfs import SCRATCH, Scratch, mount_overlay
from dockmagic.syscalls import mounts, namespaces
os.chdir(sys.argv[1])
namespaces.unshare(namespaces.NEWNS)
mounts.set_propagation(mounts.MS_PRIVATE)
for name in ('mnt', 'upper', 'work', 'snapshots'):
    os.mkdir(name)
names = ['snapshots/' + f'{n:064d}' for n in range(int(sys.argv[2]))]
for number, name in enumerate(names):
    os.mkdir(name)
    open(f'{name}/f{number}', 'w').close()
Scratch(0, {}).apply(Site())
from dockmagic.sandbox import rootfs
rootfs.is_before = lambda release, version: False
# Such a kernel takes options by any name, and refuses what it does not know when the mount is made.
def refuse(context):
    raise OSError(errno.EINVAL, 'fsconfig: Invalid argument')
mounts.fsconfig_string = lambda context, key, value: None
mounts.fsconfig_create = refuse
mount_overlay([*names, SCRATCH + '/skeleton'], 'upper', 'work', 'root')
line = next(l for l in open('/proc/self/mountinfo') if ' - overlay overlay ' in l and l.split()[4].endswith('/root'))
print(json.dumps([len([n for n in os.listdir(SCRATCH + '/root') if n.startswith('f')]), line.split()[5], os.getcwd() == sys.argv[1]]))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts as real root")
@pytest.mark.parametrize("layers", [1, 60, 499])
def test_layers_by_the_old_call_are_all_there(tmp_path, layers):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path), str(layers)],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seen, options, back = json.loads(done.stdout)

    assert seen == layers
    assert {"nosuid", "nodev"} <= set(options.split(","))
    assert back


@pytest.mark.parametrize(
    ("release", "old"),
    [
        ("6.1.0-56-amd64", True),
        ("5.15.0-1", True),
        ("6.5.0-rc1", False),
        ("6.18.44", False),
        ("7.0", False),
        ("x", False),
    ],
)
def test_the_old_call_is_the_first_where_the_kernel_is_that_old(release, old):
    """Asked for the newer one, such a kernel would complain in its log."""
    assert is_before(release, (6, 5)) == old
