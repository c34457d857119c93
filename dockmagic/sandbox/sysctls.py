"""The kernel's settings of a container's own namespaces, below /proc/sys; proc_sys(5), and docker's ``--sysctl``.

Standard library only, and no ``typing``.
"""

from __future__ import annotations

import os
from errno import ENOENT

from dockmagic.sandbox.accounts import Refused


def write(settings: dict[str, str], proc: int) -> None:
    """Set all, in the namespaces of this process, as root of the user namespace that owns them.

    Args:
        settings: values by names with dots.
        proc: descriptor of a /proc that can be written.

    Raises:
        Refused: a setting that a container does not have here, a value that the kernel does not take, or a host that forbids it.
    """
    for name, value in settings.items():
        try:
            descriptor = os.open("sys/" + name.replace(".", "/"), os.O_WRONLY | os.O_NOFOLLOW, dir_fd=proc)
            try:
                os.write(descriptor, value.encode("ascii"))
            finally:
                os.close(descriptor)
        except OSError as error:
            why = "no container has it for itself here" if error.errno == ENOENT else error.strerror
            raise Refused(f"--sysctl {name}={value}: {why}") from error
