"""``%load_ext dockmagic`` and ``%unload_ext dockmagic``."""

from __future__ import annotations

from typing import Any

from dockmagic.magics import formatters, matching, questions
from dockmagic.magics.container_magics import ContainerMagics


def load(shell: Any) -> None:
    """Register the magics, the records of returned values, and the completer."""
    if _registered(shell) is not None:
        return
    shell.register_magics(ContainerMagics)
    magics = shell.magics_manager.registry[ContainerMagics.__name__]
    lab = magics.lab
    lab.open()
    formatters.register(shell, lab)
    shell.input_transformers_cleanup.append(questions.asked)
    shell.Completer.custom_matchers.append(matching.matcher(shell, magics))


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
    shell.input_transformers_cleanup.remove(questions.asked)
    matching.forget(shell)


def _registered(shell: Any) -> ContainerMagics | None:
    found = shell.magics_manager.registry.get(ContainerMagics.__name__)
    return found if isinstance(found, ContainerMagics) else None
