"""docker's verbs that are not there, and what does the same or why nothing does."""

from __future__ import annotations

from dockmagic.errors import UsageError

ABSENT = {
    "attach": "logs -f shows what a container prints; exec runs something beside it",
    "create": "run makes a container and starts it; commit makes an image of one that has ended",
    "info": "doctor says what this machine gives, df what is stored",
    "network": "a container's network is made and ends with it: --network private, and container:NAME to share one",
    "search": "a registry is asked by an image's whole name: pull",
    "shell": "a cell is the shell: exec NAME runs its body in a container, again and again",
    "update": "limits are those that run was given",
    "version": "dockmagic --version in a shell, dockmagic.__version__ in a notebook",
}


def require_present(name: str) -> None:
    """Say what to do instead of a verb of docker's that is not there.

    Raises:
        UsageError: it is one.
    """
    if name in ABSENT:
        raise UsageError(f'there is no "{name}" here', hint=ABSENT[name])
