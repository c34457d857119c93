"""A notebook that uses every verb, each in the form that a user types; one saved file for every store, user and tier that runs containers.

A cell that begins with ``!`` raises, one that begins with ``?`` prints what is true of this machine now: nbval does not compare it.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbclient import NotebookClient

# All that the cells leave outside of the store lies in a directory of the kernel's own.
FIRST = """import os, pathlib, tempfile
place = tempfile.mkdtemp()
for name in ("DOCKMAGIC_HOME", "DOCKER_CONFIG", "JUPYTER_DATA_DIR"):
    os.environ[name] = f"{place}/{name}"
%load_ext dockmagic
import dockmagic
from dockmagic.testing.registry import FakeRegistry
registry = FakeRegistry(username="me", password="secret").__enter__()
there = registry.address"""
BUILD = """%%container build -t bread:1 --context {place}
# dockmagic: --label of=verbs
FROM localhost/base
COPY <<EOF /filling
red bean
EOF
RUN mkdir /oven && echo hot > /oven/state
CMD ["cat", "/filling"]"""
ON_DISK = """pathlib.Path(place, "Dockerfile").write_text("FROM bread:1\\nENV A=b\\n")
pathlib.Path(place, "notes").write_text("sweet\\n")
None"""
NOTEBOOK = """import nbformat
cells = [nbformat.v4.new_code_cell("%%container build -t a:1\\nFROM scratch\\nCOPY x /x")]
nbformat.write(nbformat.v4.new_notebook(cells=cells), f"{place}/lesson.ipynb")"""
LIVING = "trap 'exit 5' TERM\necho ready\nwhile :; do sleep 0.1; done"

CELLS = (
    FIRST,
    BUILD,
    "%%container -t menu:1\nFROM bread:1\nRUN echo tea > /tea\n---\ncat /filling /tea\ntouch /eaten",
    "%%container run bread:1 --name fish1\ncat /filling\nrm /filling\necho cold > /oven/state",
    "%%container exec fish1\ncat /oven/state\ntouch /again",
    "%%container expect fish1\nno /filling\nfile /oven/state is cold",
    "%%container check --no-raise-error\nFROM localhost/base as oven\nRUN true",
    ON_DISK,
    "b = %container build -t disk:1 {place}\nb",
    "%container check {place}/Dockerfile",
    "%container run bread:1",
    "%container exec fish1 cat /oven/state",
    "?%container images",
    "?%container ps -a",
    "%container inspect fish1",
    "%container layers menu:1",
    "%container history menu:1",
    "%container diff fish1",
    "%container diff bread:1 menu:1",
    "%container logs fish1",
    "%container commit fish1 cold:1",
    "%container tag cold:1 cold:2",
    "copied = %container cp {place}/notes fish1:/notes",
    "%container exec fish1 cat /notes",
    "%container rename fish1 pike",
    f"%%container run bread:1 --name pond --bg --init\n{LIVING}",
    "import time\nwhile 'ready' not in dockmagic.logs('pond'):\n    time.sleep(0.05)",
    "?%container stats pond",
    "?%container top pond",
    "%container port pond",
    "%container pause pond",
    "%container unpause pond",
    "%container kill -s TERM pond\ncode = %container wait pond\ncode",
    f"%%container run bread:1 --name lake --bg\n{LIVING}",
    "%container stop -t 0 lake",
    "%container start lake",
    "%container restart -t 0 lake",
    "%container kill lake",
    "saved = %container save -o {place}/bread.tar bread:1\nlen(saved)",
    "%container rmi cold:2",
    "%container load {place}/bread.tar",
    "%container export -o {place}/root.tar pike",
    "image = %container import {place}/root.tar flat:1\nlen(image.layers)",
    "secret = 'secret'\nserver = %container login -u me --password-stdin secret {there}",
    "%container tag bread:1 {there}/bread:1\ndigest = %container push {there}/bread:1\ngone = %container rmi {there}/bread:1",
    "pulled = %container pull {there}/bread:1\npulled.id == dockmagic.inspect('bread:1').id",
    "gone = %container logout {there}",
    NOTEBOOK,
    "written = %container to-dockerfile {place}/lesson.ipynb {place}/out\nos.listdir(f'{place}/out')",
    "%container defaults --timeout 1m",
    "%container defaults --reset",
    "%container volume create flour",
    "%%container run bread:1 -v flour:/flour\necho white > /flour/kind",
    "%container volume ls",
    "volume = %container volume inspect flour\nvolume.name",
    "%container volume rm flour",
    "%container volume prune",
    "!%container kernel install bread:1",
    "%container kernel ls",
    "!%container kernel rm fish",
    "%container rm -f pike pond lake",
    "?%container df",
    "?%container prune",
    "?%container doctor",
    "%container fsck",
    "?%container share",
)


def executed(directory: Path) -> nbformat.NotebookNode:
    """Run the cells and write the notebook into ``directory``."""
    notebook = nbformat.v4.new_notebook(cells=[_cell(text) for text in CELLS])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(directory)}}).execute()
    nbformat.write(notebook, directory / "verbs.ipynb")
    return notebook


def _cell(text: str) -> nbformat.NotebookNode:
    tags = {"!": ["raises-exception"], "?": ["nbval-ignore-output"]}.get(text[0], [])
    metadata = {"tags": tags} if tags else {}
    return nbformat.v4.new_code_cell(text[1:] if tags else text, metadata=metadata)
