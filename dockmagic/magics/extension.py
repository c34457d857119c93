"""``%load_ext dockmagic`` and ``%unload_ext dockmagic``."""

from __future__ import annotations

from typing import Any

from dockmagic.magics import formatters, matching, questions
from dockmagic.magics.container_magics import ContainerMagics


def load(shell: Any) -> None:
    """Register the magics, the records of returned values, and the completer; interrupted, it leaves nothing behind."""
    if _registered(shell) is not None:
        return
    try:
        shell.register_magics(ContainerMagics)
        magics = shell.magics_manager.registry[ContainerMagics.__name__]
        magics.lab.open()
        formatters.register(shell, magics.lab)
        shell.input_transformers_cleanup.append(questions.asked)
        shell.Completer.custom_matchers.append(matching.matcher(shell, magics))
    except BaseException:
        unload(shell)
        raise


def unload(shell: Any) -> None:
    """Take everything away again, as far as it is there; containers and images stay."""
    magics = _registered(shell)
    shell.configurables[:] = [each for each in shell.configurables if not isinstance(each, ContainerMagics)]
    if magics is None:
        return
    magics.lab.close()
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("container", None)
    shell.magics_manager.registry.pop(ContainerMagics.__name__, None)
    formatters.unregister(shell)
    if questions.asked in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.remove(questions.asked)
    matching.forget(shell)


def _registered(shell: Any) -> ContainerMagics | None:
    found = shell.magics_manager.registry.get(ContainerMagics.__name__)
    return found if isinstance(found, ContainerMagics) else None
