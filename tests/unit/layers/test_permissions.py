"""``--chmod`` against chmod(1) itself."""

from __future__ import annotations

import subprocess

import pytest

from dockmagic.layers import permissions


@pytest.mark.parametrize("mode", [0o644, 0o755, 0o124, 0o600, 0o4755, 0o1777, 0o2070])
@pytest.mark.parametrize("kind", ["file", "dir"])
@pytest.mark.parametrize(
    "text",
    [
        "755",
        "0",
        "04711",
        "go-w",
        "u=rw,g=r,o=r",
        "a+X",
        "u+rw,g+r,o-x,o+w",
        "u=rwX,go=",
        "g=u",
        "o+u",
        "ug+s",
        "a-x+X",
        "u+x-w",
        "a=t",
        "o+t",
        "a=",
        "g=o,o=g",
    ],
)
def test_symbols_mean_what_chmod_makes_of_them(tmp_path, mode, kind, text):
    path = tmp_path / "x"
    path.mkdir() if kind == "dir" else path.touch()
    path.chmod(mode)
    before = path.stat().st_mode & 0o7777
    octal = text.isdigit()
    subprocess.run(["chmod", "--", text, path], check=True)
    wanted = int(text, 8) if octal else path.stat().st_mode & 0o7777  # chmod(1) keeps a directory's bits beyond 0777
    assert permissions.is_valid(text)
    assert permissions.apply(text, before, is_dir=kind == "dir") == wanted


@pytest.mark.parametrize("text", ["", "64a", "10000", "888", "u", "u+rg", "x+w", "u=rw,", "+q", "u+r g+w", "-0"])
def test_what_is_no_mode_is_told(text):
    assert not permissions.is_valid(text)
