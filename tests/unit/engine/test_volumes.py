from __future__ import annotations

import pytest

from dockmagic.engine.volumes import bind
from dockmagic.errors import UsageError


@pytest.mark.parametrize(
    ("modes", "read_only"),
    [("", False), (":rw", False), (":ro", True), (":ro,Z", True), (":z", False), (":rw,cached", False)],
)
def test_modes_of_docker(tmp_path, modes, read_only):
    found = bind(f".:/data/{modes}", cwd=tmp_path)
    assert (found.source, found.target, found.read_only) == (str(tmp_path), "/data", read_only)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (".:/data:rx", 'unknown mode "rx"'),
        (".:/data:ro,", 'unknown mode ""'),
        (".:/data:ro,rw", "ro and rw exclude each other"),
        (".:data", "the target must be an absolute path"),
        (".:/", "the target must be an absolute path below /"),
        ("./nothere:/data", "the source does not exist"),
        (":/data", "is not SOURCE:TARGET"),
        (".", "is not SOURCE:TARGET"),
    ],
)
def test_what_is_no_volume(tmp_path, text, reason):
    with pytest.raises(UsageError, match=reason):
        bind(text, cwd=tmp_path)
