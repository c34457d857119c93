from __future__ import annotations

from dockmagic.results import Run
from tests.unit.record.given import container, image

RESULT = Run(exit_code=0, stopped="", container=container("hello-1f2e3d4c", "hello:scratch"), image=image())
