"""The committed bundle: it is what the sources say, holds no host's name, and is in the wheel without node."""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "labextension"
BUNDLE = ROOT / "dockmagic" / "labextension"
MODULES = SOURCES / "node_modules"
WHY_NOT = (
    "node is not installed"
    if shutil.which("node") is None
    else ""
    if (MODULES / ".bin" / "tsc").exists()
    else "labextension/node_modules is not there: run jlpm install in labextension"
)
needs_node = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "-")
BIN = Path(sys.executable).parent
# Its own files are named by their place, which must be below the directory that is built.
COPIED = ("css-loader", "style-loader")


def same(one, two):
    """Differences of two directories, by name and content."""
    compared = filecmp.dircmp(one, two)
    names = [*compared.left_only, *compared.right_only]
    _, different, odd = filecmp.cmpfiles(one, two, compared.common_files, shallow=False)
    return [*names, *different, *odd, *(each for name in compared.common_dirs for each in same(one / name, two / name))]


def built(directory):
    """The bundle built from the sources, at another place."""
    place = directory / "labextension"
    place.mkdir(parents=True)
    for name in ("package.json", "tsconfig.json", "webpack.config.js", "yarn.lock"):
        shutil.copy(SOURCES / name, place)
    for name in ("schema", "src", "style"):
        shutil.copytree(SOURCES / name, place / name)
    modules = place / "node_modules"
    modules.mkdir()
    for entry in MODULES.iterdir():
        if entry.name in COPIED:
            shutil.copytree(entry, modules / entry.name)
        else:
            (modules / entry.name).symlink_to(entry)
    for command in ([modules / ".bin" / "tsc"], [BIN / "jupyter-builder", "build", "."]):
        subprocess.run(command, cwd=place, check=True, capture_output=True, timeout=120)
    return directory / "dockmagic" / "labextension"


@needs_node
def test_the_committed_bundle_is_what_the_sources_say(tmp_path):
    assert same(built(tmp_path), BUNDLE) == [], "run `make labextension` and commit dockmagic/labextension"


@needs_node
def test_the_bundle_does_not_depend_on_where_it_is_built(tmp_path):
    assert same(built(tmp_path / "a"), built(tmp_path / "a" / "longer" / "b")) == []


@needs_node
@pytest.mark.slow
def test_types_style_and_units():
    for command in (["tsc", "--noEmit"], ["eslint", "."]):
        done = subprocess.run(
            [MODULES / ".bin" / command[0], *command[1:]], cwd=SOURCES, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
    done = subprocess.run([BIN / "jlpm", "test"], cwd=SOURCES, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stdout


def test_the_lock_file_names_no_host():
    text = (SOURCES / "yarn.lock").read_text().lower()
    assert "http" not in text
    assert "__archiveurl" not in text
    assert '"@jupyterlab/application@npm:' in text


def test_the_bundle_loads_nothing_from_elsewhere():
    texts = "".join(path.read_text() for path in (BUNDLE / "static").glob("*.js"))
    assert "dockmagic" in texts
    for word in ("https://", "eval(", "XMLHttpRequest", "sendBeacon"):
        assert word not in texts, word


def test_a_wheel_without_node_holds_the_extension(tmp_path):
    """What pip does with a clone; no program but Python's own is on the path."""
    clone = tmp_path / "clone"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if name.startswith(("dockmagic/", "labextension/install")) or "/" not in name:
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_file():
                shutil.copy(ROOT / name, clone / name)
    shutil.rmtree(clone / "dockmagic" / "labextension", ignore_errors=True)
    shutil.copytree(BUNDLE, clone / "dockmagic" / "labextension")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "--wheel-dir", tmp_path, clone]
    env = {**os.environ, "PATH": str(BIN)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=200)
    if done.returncode and "Could not find a version that satisfies the requirement hatchling" in done.stderr:
        pytest.skip("the build backend cannot be fetched: no network")
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    place = ".data/data/share/jupyter/labextensions/dockmagic-labextension/"
    found = {name.partition(place)[2] for name in names if place in name}
    assert found == {"install.json", *(str(path.relative_to(BUNDLE)) for path in BUNDLE.rglob("*") if path.is_file())}
    assert not any(name.startswith("dockmagic/labextension/") for name in names)
