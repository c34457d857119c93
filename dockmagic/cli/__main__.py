"""``python -m dockmagic.cli``: the same as the script."""

from __future__ import annotations

from dockmagic.cli.main import main

main()
