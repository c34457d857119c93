"""Images of another platform where an emulator is registered: in a user namespace of its own, which Linux has from 6.7 on."""

from __future__ import annotations

import json
import shutil

import pytest

from dockmagic.engine.images import require_runnable
from dockmagic.errors import UsageError
from dockmagic.oci.config import ImageConfig
from dockmagic.oci.platform import here
from tests.users import NESTED, make_user

BUSYBOX = "/usr/bin/busybox"
# The emulator is busybox as echo: it prints which program it was given, and with which words.
SCRIPT = r"""
import json, os, sys
from pathlib import Path
from dockmagic import Engine
from dockmagic.errors import UsageError
from dockmagic.oci.platform import here
from dockmagic.sandbox import emulation

home, echo = Path(sys.argv[1]), sys.argv[2]
place = home / "binfmt"
place.mkdir()
if os.system(f"mount -t binfmt_misc binfmt_misc {place}"):
    print(json.dumps({"reason": "binfmt_misc cannot be mounted in a user namespace"}))
    sys.exit()
magic = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
mask = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
(place / "register").write_text(f":arm64:M::{magic}:{mask}:{echo}:F")
context = home / "context"
context.mkdir()
(context / "sh").write_bytes(emulation.program("arm64"))
(context / "sh").chmod(0o755)
engine = Engine(home / "store")
text = "FROM scratch\nCOPY sh /bin/sh\nRUN uname -m\n"
build = engine.build(text, context=context, platform="linux/arm64", tags=("arm:1",))
run = engine.run("arm:1", ["/bin/sh", "hello"])
asked = engine.run("arm:1", ["/bin/sh", "again"], platform="linux/arm64")
engine.build("FROM scratch\nCOPY sh /bin/sh\n", context=context, platform="linux/s390x", tags=("big:1",))
try:
    engine.run("big:1", ["/bin/sh"])
except UsageError as error:
    refused = error.message
print(json.dumps({
    "runs": [emulation.runs(name) for name in ("arm64", "s390x", here().architecture, "z80")],
    "log": build.log, "printed": run.stdout, "notes": list(run.isolation.notes), "asked": asked.stdout, "refused": refused,
}))
engine.close()
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    user = make_user(NESTED, tmp_path_factory.mktemp("pytest-emulation"))
    echo = shutil.copy(BUSYBOX, user.home / "echo")
    done = user.python(SCRIPT, str(user.home), str(echo))
    assert done.returncode == 0, done.stderr[-4000:]
    answer = json.loads(done.stdout.splitlines()[-1])
    if "reason" in answer:
        pytest.skip(answer["reason"])
    return answer


def test_programs_of_a_platform_that_has_an_emulator_are_known_by_starting_one(found):
    assert found["runs"] == [True, False, True, False]


def test_run_steps_of_another_platform_run_in_an_emulator(found):
    assert "/bin/sh -c uname -m\n" in found["log"]


def test_containers_of_another_platform_run_in_an_emulator_and_say_so(found):
    assert found["printed"] == "/bin/sh hello\n"
    assert found["asked"] == "/bin/sh again\n"
    assert "programs for linux/arm64 run in an emulator" in found["notes"]


def test_one_without_an_emulator_is_refused(found):
    assert found["refused"] == "the image is for linux/s390x, which this machine does not run"


def test_the_32_bit_side_of_this_machine_is_refused():
    narrow = {"amd64": "386", "arm64": "arm"}[here().architecture]
    with pytest.raises(UsageError, match=f"the image is for linux/{narrow}, which this machine does not run"):
        require_runnable(ImageConfig(architecture=narrow, os="linux"))
