"""Words as a shell reads them: splitting, quotes, escapes and variables."""

from __future__ import annotations

from dockmagic.dockerfile.shell.expansion import Expansion, environment, expand

__all__ = ["Expansion", "environment", "expand"]
