"""``%load_ext dockmagic`` and ``%unload_ext dockmagic``."""

from __future__ import annotations

from typing import Any

from dockmagic.magics import completer, formatters
from dockmagic.magics import help as help_texts
from dockmagic.magics.container_magics import ContainerMagics


def load(shell: Any) -> None:
    """Register the magics, the records of returned values, and the completer."""
    if _registered(shell) is not None:
        return
    shell.register_magics(ContainerMagics)
    lab = shell.magics_manager.registry[ContainerMagics.__name__].lab
    lab.open()
    formatters.register(shell, lab)
    shell.input_transformers_cleanup.append(help_texts.asked)
    if not any(pattern.pattern == completer.PATTERN for pattern in shell.strdispatchers["complete_command"].regexs):
        shell.set_hook("complete_command", _complete, re_key=completer.PATTERN)


def unload(shell: Any) -> None:
    """Take everything away again; containers and images stay."""
    magics = _registered(shell)
    if magics is None:
        return
    magics.lab.close()
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("container", None)
    shell.magics_manager.registry.pop(ContainerMagics.__name__, None)
    if magics in shell.configurables:
        shell.configurables.remove(magics)
    formatters.unregister(shell)
    shell.input_transformers_cleanup.remove(help_texts.asked)


def _registered(shell: Any) -> ContainerMagics | None:
    found = shell.magics_manager.registry.get(ContainerMagics.__name__)
    return found if isinstance(found, ContainerMagics) else None


def _complete(shell: Any, event: Any) -> list[str]:
    """IPython's hook: words that may end the line."""
    magics = _registered(shell)
    if magics is None:
        return []
    return completer.complete(
        event.text_until_cursor,
        images=lambda: completer.image_names(magics.engine),
        containers=lambda: completer.container_names(magics.engine),
    )
