from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dockmagic.builder.hostimage import python as pythons
from dockmagic.builder.hostimage.base import base
from dockmagic.builder.hostimage.elf import read as read_elf
from dockmagic.builder.hostimage.python import Python, of_this_process, python
from dockmagic.errors import NotFoundError
from tests.unit.builder.hostimage_making import elf
from tests.users import REPOSITORY

WHICH = "import json, dataclasses; from dockmagic.builder.hostimage.python import of_this_process as p; print(json.dumps(dataclasses.asdict(p())))"


@pytest.fixture(scope="module")
def below():
    return base()


@pytest.fixture
def installed(tmp_path):
    """A Python as conda installs it: libraries of its own, found from where each file is."""
    with Path("/bin/sh").open("rb") as shell:
        kind = read_elf(shell.fileno()).kind
    prefix = tmp_path / "conda"
    library = prefix / "lib/python3.11"
    files = {
        "bin/python3.11": elf(needed=("libown.so.1", "libz.so.1"), rpath="$ORIGIN/../lib", kind=kind),
        "lib/libown.so.1": elf(needed=("libz.so.1",), kind=kind),
        "lib/libz.so.1": elf(kind=kind),
        "lib/libunused.so": elf(kind=kind),
        "lib/python3.11/os.py": b"os",
        "lib/python3.11/turtle.py": b"",
        "lib/python3.11/sitecustomize.py": b"",
        "lib/python3.11/__pycache__/os.cpython-311.pyc": b"",
        "lib/python3.11/site-packages/numpy.py": b"",
        "lib/python3.11/test/test_os.py": b"",
        "lib/python3.11/json/__init__.py": b"",
        "lib/python3.11/json/tests/x.py": b"",
        "lib/python3.11/tkinter/__init__.py": b"",
        "lib/python3.11/config-3.11-x86_64-linux-gnu/libpython3.11.a": b"",
        "lib/python3.11/lib-dynload/zlib.so": elf(needed=("libz.so.1",), runpath="$ORIGIN/../..", kind=kind),
        "lib/python3.11/lib-dynload/_testcapi.so": elf(kind=kind),
        "lib/python3.11/lib-dynload/_broken.so": elf(needed=("libnowhere.so.9",), kind=kind),
    }
    for name, content in files.items():
        (prefix / name).parent.mkdir(parents=True, exist_ok=True)
        (prefix / name).write_bytes(content)
    (prefix / "lib/python3.11/os.py").chmod(0o600)
    return Python(executable=str(prefix / "bin/python3.11"), prefix=str(prefix), library=str(library), version="3.11")


def test_a_python_keeps_the_layout_of_its_prefix_below_usr_local(installed, below):
    pieces = python(installed, below)
    assert {path for path, piece in pieces.items() if piece.source is not None} == {
        "usr/local/bin/python3.11",
        "usr/local/lib/libown.so.1",
        "usr/local/lib/libz.so.1",
        "usr/local/lib/python3.11/json/__init__.py",
        "usr/local/lib/python3.11/lib-dynload/zlib.so",
        "usr/local/lib/python3.11/os.py",
    }
    links = {path: piece.entry.linkname for path, piece in pieces.items() if piece.entry.type == "symlink"}
    assert links == {"usr/local/bin/python": "python3.11", "usr/local/bin/python3": "python3.11"}
    assert pieces["usr/local/bin/python3.11"].entry.mode == 0o755
    assert pieces["usr/local/lib/python3.11/os.py"].entry.mode == 0o644


def test_a_python_of_the_system_shares_its_libraries_with_the_base(installed, below):
    shutil.copy("/bin/sh", installed.executable)
    added = {path for path, piece in python(installed, below).items() if piece.source is not None}
    assert added.isdisjoint(below)
    assert not any("libc.so" in path for path in added)


def test_a_library_that_the_interpreter_lacks_is_an_error(installed, below):
    (Path(installed.prefix) / "lib/libown.so.1").unlink()
    with pytest.raises(NotFoundError, match=r"is missing: libown\.so\.1"):
        python(installed, below)


def test_this_process_has_a_python_of_files_that_is_no_virtual_environment():
    found = of_this_process()
    assert Path(found.library, "os.py").samefile(os.__file__)
    assert not Path(found.prefix, "pyvenv.cfg").exists()
    assert os.access(found.executable, os.X_OK)
    assert found.version == f"{sys.version_info[0]}.{sys.version_info[1]}"


def test_a_virtual_environment_leads_to_the_python_that_it_was_made_from(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--copies", "--without-pip", tmp_path / "v"], check=True, timeout=60)
    done = subprocess.run(
        [tmp_path / "v/bin/python", "-c", WHICH],
        env={"PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert Python(**json.loads(done.stdout)) == of_this_process()


def test_a_python_without_files_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setattr(pythons.sys, "base_prefix", str(tmp_path))
    with pytest.raises(NotFoundError, match="its files are not found") as caught:
        of_this_process()
    assert str(tmp_path) in caught.value.detail
    assert str(tmp_path) not in str(caught.value)
