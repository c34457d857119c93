from __future__ import annotations

from dockmagic.changes import ChangedPath
from dockmagic.results import Diff

PATHS = tuple(ChangedPath(path=f"/srv/{n:03}", kind="A", size=n) for n in range(230))
RESULT = Diff(changes={path.path: path.kind for path in PATHS}, paths=PATHS)
