"""What jupyter_client loads for a kernel inside an image (entry point ``jupyter_client.kernel_provisioners``).

The kernel talks over unix sockets in a private directory that it shares with Jupyter, so that it needs no network. A ``supervisor`` of its own
process starts and ends its container. The interface is jupyter_client's ``KernelProvisionerBase``.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from jupyter_client.connect import port_names
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from jupyter_core.paths import jupyter_runtime_dir
from traitlets import Dict, Unicode

from dockmagic.kernels import connection
from dockmagic.sandbox import wire

if TYPE_CHECKING:
    from jupyter_client.connect import KernelConnectionInfo

# Seconds: for a kernel until it has its sockets; for the supervisor until it has removed the container.
_START = 60.0
_END = 3.0
_LOOK = 0.05


class ImageProvisioner(KernelProvisionerBase):
    """Starts, signals and ends one kernel inside an image."""

    image = Unicode(help="the image's name, looked up at every start")
    python = Unicode("python3", help="the Python in the image")
    home = Unicode(help="the directory of the store that has the image")
    options = Dict(help="how it is run")

    _process: subprocess.Popen[bytes] | None = None
    _channel: socket.socket | None = None
    _directory: str = ""
    _pid: int | None = None

    @property
    def has_process(self) -> bool:
        return self._process is not None

    async def poll(self) -> int | None:
        return self._process.poll() if self._process is not None else 0

    async def wait(self) -> int | None:
        code = await self._code()
        self._hang_up()
        self._process = None
        return code

    async def send_signal(self, signum: int) -> None:
        if signum == signal.SIGKILL:
            await self.kill()
        else:
            self._tell({"signal": signum})

    async def kill(self, restart: bool = False) -> None:  # noqa: FBT001, FBT002 - jupyter_client's signature
        del restart
        self._tell({"kill": True})
        try:
            await asyncio.wait_for(self._code(), _END)
        except TimeoutError:
            if self._process is not None:
                self._process.kill()

    async def terminate(self, restart: bool = False) -> None:  # noqa: FBT001, FBT002 - as above
        del restart
        self._tell({"signal": int(signal.SIGTERM)})

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Choose where the kernel's sockets will be, and write both connection files: Jupyter's, and the kernel's own."""
        manager = self.parent
        if manager is None:
            raise RuntimeError("a kernel inside an image needs a kernel manager")
        self._directory = self._directory or connection.private_directory(jupyter_runtime_dir())
        manager.transport, manager.ip = "ipc", f"{connection.shared(self._directory)}/{connection.SOCKET}"
        manager.write_connection_file(jupyter_session=kwargs.get("env", {}).get("JPY_SESSION_NAME", ""))
        self.connection_info = manager.get_connection_info()
        connection.write(self.connection_info, self._directory)
        kwargs.pop("extra_arguments", None)
        command = [self.python, "-m", "ipykernel_launcher", "-f", f"{connection.INSIDE}/{connection.FILE}"]
        return await super().pre_launch(cmd=command, **kwargs)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start the supervisor, and wait until the kernel has its sockets.

        Raises:
            RuntimeError: it could not start, or ended before that; the text says why.
        """
        ours, theirs = wire.pair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
                [sys.executable, "-m", "dockmagic.kernels.supervisor", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                env=kwargs.get("env"),
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._channel, self._pid = ours, self._process.pid
        order: dict[str, object] = {
            "home": self.home,
            "image": self.image,
            "argv": cmd,
            "directory": self._directory,
            "sockets": [f"{connection.SOCKET}-{self.connection_info[name]}" for name in port_names],  # type: ignore[literal-required]
            "options": {**self.options, "env": {**self.options.get("env", {}), **self.kernel_spec.env}},
        }
        self._tell(order)
        failure = await asyncio.to_thread(_failure_of_start, ours)
        if failure:
            await self.wait()
            await self.cleanup()
            raise RuntimeError(failure)
        return self.connection_info

    async def cleanup(self, restart: bool = False) -> None:  # noqa: FBT001, FBT002 - as above
        self._hang_up()
        if not restart and self._directory:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = ""

    async def get_provisioner_info(self) -> dict[str, Any]:
        found = await super().get_provisioner_info()
        return {**found, "pid": self._pid, "directory": self._directory}

    async def load_provisioner_info(self, provisioner_info: dict[str, Any]) -> None:
        await super().load_provisioner_info(provisioner_info)
        self._pid, self._directory = provisioner_info["pid"], provisioner_info["directory"]

    async def _code(self) -> int:
        """The exit code, once the supervisor has ended."""
        while True:
            code = await self.poll()
            if code is not None:
                return code
            await asyncio.sleep(_LOOK)

    def _tell(self, message: dict[str, object]) -> None:
        if self._channel is not None:
            with suppress(OSError):  # it has ended; poll() says so
                wire.send(self._channel, message)

    def _hang_up(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None


def _failure_of_start(channel: socket.socket) -> str:
    """Wait for the supervisor's word; why the kernel did not start, "" when it did or takes long."""
    channel.settimeout(_START)
    try:
        heard = wire.receive(channel)
    except TimeoutError:
        return ""
    except OSError:
        heard = None
    finally:
        channel.settimeout(None)
    if heard is None:
        return "the supervisor of the kernel ended without a word"
    return str(heard[0].get("failed", ""))
