"""A notebook of everything that has outputs, for the contract: one saved file for every store, user and id scheme.

A cell that begins with ``!`` raises; its name and text are compared too.
"""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

BUILD = """%%container build -t c:1 --build-arg WHO={who} --label 'sum={1 + 1}'
FROM localhost/base
ARG WHO
RUN echo "$WHO" > /who && mkdir -p /srv/x && chown 7:8 /srv/x && date > /srv/x/now
WORKDIR /srv/new
COPY --chmod=600 <<EOF <<E2 /srv/
one
EOF
two
E2
USER nobody
ENV A=b
CMD ["sh", "-c", "id -u; cat /who"]"""
CHANGES = r"""%%container run c:1 --name k1 -u 0 -- -x 'a b'
printf '%s|' "$@"
echo err >&2
printf 'p 1\rp 2\r\n'
rm /who; mkdir /d; touch /d/e /etc/new; echo x >> /etc/passwd; chmod 700 /srv"""
BYTES = r"""%%container run c:1
head -c 5 /dev/zero | tr '\0' '\377'; printf '\303'; sleep 0.2; printf '\251\n'"""
VALUES = """%%container run c:1 -u 0 --in rows,limit --in 'cfg={"a": limit}' --get /out.json=back --get /tree=tree
cat /run/dockmagic/in/rows; echo " $limit"; cp /run/dockmagic/in/cfg /out.json; mkdir /tree; echo x > /tree/y"""
EXPECT = """%%container expect c:1
file /who is "Min ji"
directory /srv/x owner 7:8
file /srv/EOF contains one mode 600  # by COPY --chmod
user nobody
cmd sh -c "id -u; cat /who"
run cat /who
exit 0
output is "Min ji\\n"
changes nothing"""
STAGES = """%%container build --progress plain --no-cache
FROM c:1 AS a
USER 0
RUN echo hello
FROM a
COPY --from=a /who /w2
CMD ["cat","/w2"]"""

CELLS = (
    "%load_ext dockmagic\nwho = 'Min ji'",
    BUILD,
    "%container run c:1",
    CHANGES,
    "%%container exec k1 -u 0\nrm -r /d; touch /again; echo $A",
    "%container inspect k1",
    "%container diff k1",
    "%container logs k1",
    "%container commit k1 c:2",
    "%container history c:2",
    "%container layers c:2",
    "%container diff c:1 c:2",
    "%container tag c:2 c:3",
    "%container inspect c:2",
    "img = %container inspect c:2\nimg.history()",
    "img.layers[-1]",
    "%%container run c:1 --keep -u 0\necho kept > /kept",
    "%%container --keep\nFROM localhost/base\n---\necho hi > /x",
    "%%container -t s:1\nFROM scratch\nCOPY <<EOF /x\nhi\nEOF",
    "%%container run c:1 --timeout 300ms --no-raise-error --result r\nsleep 20",
    "print(r.exit_code, r.stopped, r.error)",
    BYTES,
    STAGES,
    "%%container -q\nFROM c:1\n---\necho quiet",
    "b = %container build -t z:1 ctx\nb",
    "%container run z:1 cat /f",
    "%container run --name host --network host c:1 true",
    "%container import root.tar i:1",
    "%%container run c:1 -w /tmp -e X={who} --out text\n#!/bin/sh\npwd; echo $X; id -u",
    "text",
    "rows = [1, 'é']\nlimit = 3",
    VALUES,
    "print(back, tree)",
    "!%%container run c:1 --get /nothere=gone\ntrue",
    "!%%container run c:1 --in nothere\ntrue",
    "!%%container run c:1 --timeout 300ms\nsleep 20",
    "!%%container run c:1\necho bad >&2; exit 3",
    "!%%container run c:1 --interp nothere\nx",
    "!%container run i:1",
    "!%%container build\nFROM localhost/base\nRUN echo oh; exit 7\nCMD x",
    "!%%container build\nFROM localhost/base\nRUX x",
    "!%%container build\nFROM localhost/base\nCOPY nowhere /x",
    "!%%container build\nFROM nowhere:9",
    "!%%container run c:1 --gpus all\nx",
    "!%%container run -it c:1\nx",
    "!%%container run c:1 {nobody}\nx",
    "!%%container run c:1 --network moon\nx",
    "!%%container run c:1 --nmae x\nx",
    "!%container pull x",
    "!%container rmi c:1",
    "!%%container exec nothere\nx",
    EXPECT,
    "!%%container expect c:1\nlayers at most 2\nfile /who is 'Min ji'\nno /who",
    "%container rm k1 host",
    "%container rmi c:3 i:1",
)


def executed(directory: Path) -> nbformat.NotebookNode:
    """Write the notebook and what its cells read into ``directory``, and run it there."""
    (directory / "ctx").mkdir()
    (directory / "ctx" / "Dockerfile").write_text("FROM localhost/base\nCOPY f /f\n")
    (directory / "ctx" / "f").write_text("file\n")
    with tarfile.open(directory / "root.tar", "w") as tar:
        member = tarfile.TarInfo("hello")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"hi\n"))
    notebook = nbformat.v4.new_notebook(cells=[_cell(text) for text in CELLS])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(directory)}}).execute()
    nbformat.write(notebook, directory / "contract.ipynb")
    return notebook


def _cell(text: str) -> nbformat.NotebookNode:
    tags = {"tags": ["raises-exception"]} if text.startswith("!") else {}
    return nbformat.v4.new_code_cell(text.removeprefix("!"), metadata=tags)
