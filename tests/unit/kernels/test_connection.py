from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path

import pytest

from dockmagic.kernels import connection

INFO = {"transport": "ipc", "ip": "/somewhere/k", "shell_port": 1, "key": b"secret", "signature_scheme": "hmac-sha256"}


@pytest.mark.parametrize("runtime", ["{tmp}/run", "{tmp}/" + "long" * 30, "{tmp}/a:b"])
def test_a_directory_is_private_and_leaves_room_for_a_socket(tmp_path, runtime):
    made = Path(connection.private_directory(runtime.format(tmp=tmp_path)))
    try:
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
        assert len(f"{connection.shared(str(made))}/k-65535") <= 107
        assert stat.S_IMODE(Path(connection.shared(str(made))).stat().st_mode) == 0o700
        assert ":" not in str(made)
    finally:
        shutil.rmtree(made)


def test_the_kernels_file_is_for_its_user_alone_and_names_what_the_container_sees(tmp_path):
    Path(connection.shared(str(tmp_path))).mkdir()
    for _ in range(2):
        connection.write(INFO, str(tmp_path))
    path = Path(connection.shared(str(tmp_path)), connection.FILE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text()) == {**INFO, "ip": "/run/kernel/k", "key": "secret"}
