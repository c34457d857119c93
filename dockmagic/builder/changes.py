"""Settings that ``commit --change`` and ``import --change`` give an image, as instructions. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from dockmagic.builder.scope import Scope, settled
from dockmagic.dockerfile.instructions import expand, kinds, parse_trigger
from dockmagic.errors import DockerfileError, UsageError
from dockmagic.oci.config import ContainerConfig

_ALLOWED = (
    kinds.Cmd,
    kinds.Entrypoint,
    kinds.Env,
    kinds.Expose,
    kinds.Healthcheck,
    kinds.Label,
    kinds.OnBuild,
    kinds.Shell,
    kinds.StopSignal,
    kinds.User,
    kinds.Volume,
    kinds.Workdir,
)


def changed(config: ContainerConfig, changes: Sequence[str]) -> ContainerConfig:
    """The config with what each text sets: ``"ENV A=1"``.

    Raises:
        UsageError: a text is no instruction, or one that does more than set something.
    """
    scope = Scope(config=config)
    for text in changes:
        try:
            instruction = parse_trigger(text)
            if not isinstance(instruction, _ALLOWED):
                raise UsageError(f"--change: {instruction.keyword} sets nothing", hint=f"it takes {_words()}")
            scope, _ = settled(scope, expand(instruction, scope.variables()))
        except DockerfileError as error:
            reason = str(error).removeprefix("ONBUILD trigger: ")
            raise UsageError(f'--change "{text}": {reason}', hint=f"it takes {_words()}") from None
    return scope.config


def _words() -> str:
    return ", ".join(kind.__name__.upper() for kind in _ALLOWED)
