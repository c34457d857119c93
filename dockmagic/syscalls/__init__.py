"""The only place that talks to the kernel by ctypes.

Every function here is one system call (or one prctl) as section 2 of the manual has it. Errors are ``OSError`` of the usual
subclass, whose ``strerror`` begins with the call's name and whose ``filename`` is the path at fault. ``notify`` needs no ctypes.
"""

from __future__ import annotations
