"""An image with ipykernel, made without a network: ``localhost/python`` with the packages of this environment that a kernel needs."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

# What these need comes too. Completion by jedi and the debugger are large, and a kernel begins without them.
_WANTED = ("ipykernel",)
_LEFT_OUT = {"debugpy", "jedi"}
_NAME = re.compile(r"[A-Za-z0-9._-]+")
DOCKERFILE = """FROM localhost/python
COPY packages /opt/packages
COPY libraries /opt/libraries
ENV PYTHONPATH=/opt/packages LD_LIBRARY_PATH=/opt/libraries
"""


def write_context(directory: Path) -> Path:
    """A build context with the packages below ``packages``, and the libraries that wheels find on every machine; returns it."""
    target = directory / "packages"
    for name in _closure():
        for file in metadata.files(name) or ():
            source = Path(file.locate())
            if ".." in file.parts or "__pycache__" in file.parts or not source.is_file():
                continue
            copy = target / file
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
    libraries = directory / "libraries"
    libraries.mkdir()
    for path in _needed([str(path) for path in target.rglob("*.so")]):
        shutil.copyfile(path, libraries / Path(path).name)
    return directory


def _needed(modules: list[str]) -> set[str]:
    told = subprocess.run(["ldd", *modules], capture_output=True, text=True, check=True).stdout
    return {path for path in re.findall(r"=> (/\S+)", told) if "/packages/" not in path}


def _closure() -> set[str]:
    found: set[str] = set()
    wanted = list(_WANTED)
    while wanted:
        name = wanted.pop()
        if name in found or name in _LEFT_OUT:
            continue
        try:
            needs = metadata.requires(name) or ()
        except metadata.PackageNotFoundError:
            continue  # of another platform or version
        found.add(name)
        wanted += [_NAME.match(need)[0].lower() for need in needs if "extra ==" not in need]
    return found
