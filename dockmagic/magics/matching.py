"""The completer's place in IPython: a matcher that sees the whole cell, so that every front end has it (IPython's Matcher API, version 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.completer import SimpleCompletion, context_matcher

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext

    from dockmagic.magics.container_magics import ContainerMagics

_IDENTIFIER = "dockmagic"


def matcher(shell: Any, magics: ContainerMagics) -> Any:
    """What IPython asks for completions."""

    @context_matcher(identifier=_IDENTIFIER)
    def match(context: CompletionContext) -> dict[str, Any]:
        if "%container" not in context.full_text:
            return {"completions": []}
        from dockmagic.magics import completer  # noqa: PLC0415 - %load_ext need not wait for it

        known = completer.Known(
            images=lambda: completer.image_names(magics.engine),
            containers=lambda: completer.container_names(magics.engine),
            kernels=completer.kernel_names,
            paths=completer.path_names,
            variables=lambda: [name for name in shell.user_ns if not name.startswith("_")],
        )
        found = completer.complete(context.full_text, context.cursor_line, context.cursor_position, known)
        return {
            "completions": [SimpleCompletion(text=word, type="keyword") for word in found.words],
            "matched_fragment": found.fragment if found.words else context.token,
            # Python's names mean nothing there.
            "suppress": bool(found.words),
        }

    return match


def forget(shell: Any) -> None:
    """Take it away again."""
    matchers = shell.Completer.custom_matchers
    matchers[:] = [each for each in matchers if getattr(each, "matcher_identifier", "") != _IDENTIFIER]
