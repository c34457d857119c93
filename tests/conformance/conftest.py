"""The conformance cases are data that is not part of the project: they run where the environment names their folder."""

from __future__ import annotations

import os

collect_ignore = [] if os.environ.get("DOCKMAGIC_CONFORMANCE") else ["test_conformance.py", "test_written.py"]
