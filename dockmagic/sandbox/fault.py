"""An error on its way to another process, as JSON; ``sandbox.replies`` makes it one again.

Standard library only, and no ``typing``.
"""

from __future__ import annotations

import os
import traceback

_LONGEST_TRACE = 8000


def told(error: BaseException) -> dict[str, object]:
    """What is told of an error: errors of ours and of the system whole, of any other its traceback."""
    if isinstance(error, OSError):
        name = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else None
        return {"oserror": [error.errno or 0, error.strerror or str(error), name]}
    if type(error).__module__ == "dockmagic.errors":
        kept = {k: v for k, v in vars(error).items() if isinstance(v, (str, int, float, type(None)))}
        return {"error": type(error).__name__, "attributes": kept}
    return {"crash": "".join(traceback.format_exception(error))[-_LONGEST_TRACE:]}
