"""``python -m dockmagic``: the same as the script."""

from __future__ import annotations

from dockmagic.cli.main import main

if __name__ == "__main__":
    main()
