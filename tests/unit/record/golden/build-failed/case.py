from __future__ import annotations

from dataclasses import replace

from dockmagic.errors import BuildError
from dockmagic.results import Build, Step
from tests.unit.record.given import layer, rows

COPY = layer("COPY requirements.txt /app/", 84, 1)
DONE = rows("FROM localhost/base", COPY)
FAILED, SETTING = rows("RUN pip install -r /app/requirements.txt", 'CMD ["python3"]')
RESULT = Build(
    image=None,
    steps=(Step(instruction=COPY.instruction, line=2, cached=True, reason="", seconds=0.0, layer=COPY),),
    log="[1/2] COPY\n[2/2] RUN\n10%\r100%\n\x1b[31mERROR: no such package\x1b[0m\n",
    exit_code=1,
    error=BuildError("RUN failed", line=3, exit_code=1),
    rows=(*DONE, replace(FAILED, line=3, failed=True, done=False), replace(SETTING, line=4, done=False)),
)
