"""Writable layers on a file system without extended attributes, as memory is before Linux 6.6; ramfs has none on any kernel."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.users import REPOSITORY

SCRIPT = """
import json, os, stat, sys
sys.path.insert(0, sys.argv[1])
from dockmagic.layers.overlayfs import OWNER, keeps_attributes
from dockmagic.layers.scan import Owners, scan
from dockmagic.layers.stack import Stack
from dockmagic.layers.stamp import stamp
os.makedirs("lower/d")
open("lower/d/theirs", "w").close()
open("lower/roots", "w").close()
os.setxattr("lower/d/theirs", OWNER, b"33:34")
os.setxattr("lower/d", OWNER, b"33:34")
assert keeps_attributes("lower") and not keeps_attributes("upper")
# as overlayfs copies up where it cannot note where from
os.mkdir("upper/d")
for name in ("d/theirs", "d/new", "roots", "moved"):
    open(f"upper/{name}", "w").close()
os.symlink("x", "upper/link")
open("lower/gone", "w").close()
os.mknod("upper/gone", stat.S_IFCHR)
table = {str(os.lstat("upper/moved").st_ino): (5, 6)}
table = stamp("upper", ["lower"], (1000, 1000), table)
owners = Owners(single=True, table=table)
changes = scan("upper", Stack(["lower"]), owners, frozenset())
# Nobody looks for attributes of a whiteout's device, which NFS would refuse.
assert next(c.bare for c in changes if c.entry.path == "gone")
print(json.dumps({c.entry.path: [c.entry.uid, c.entry.gid, c.kept] for c in changes}))
"""


def test_owners_are_kept_where_no_attribute_can_hold_them(tmp_path):
    words = [sys.executable, "-c", SCRIPT, str(REPOSITORY)]
    (tmp_path / "upper").mkdir()
    mounted = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-ec",
        'mount -t ramfs ramfs upper; exec "$@"',
        "sh",
    ]
    done = subprocess.run([*mounted, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "d": [33, 34, False],
        "d/new": [1000, 1000, True],
        "d/theirs": [33, 34, True],
        "gone": [0, 0, True],
        "link": [1000, 1000, True],
        "moved": [5, 6, True],
        "roots": [0, 0, True],
    }
