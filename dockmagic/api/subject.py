"""What an exercise's expectations look at: an image, a container, a run or a build, asked for what they hold."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dockmagic.errors import NotFoundError
from dockmagic.results import Build, Container, Image, Run

if TYPE_CHECKING:
    from dockmagic.engine.engine import Engine
    from dockmagic.listing import File

Target = str | Image | Container | Run | Build
_READ = 1 << 20


class MissingError(Exception):
    """What an expectation asks for is not there; the text says what."""


class Subject:
    """One thing that is looked at; what is asked for twice is read once.

    Args:
        target: a value, or the name of a container or image, container first.
        engine: who knows them.

    Raises:
        NotFoundError: nothing has that name.
    """

    def __init__(self, target: Target, engine: Engine) -> None:
        self.engine = engine
        self._target = engine.inspect(target) if isinstance(target, str) else target

    @property
    def run(self) -> Run:
        """The run.

        Raises:
            MissingError: it is none.
        """
        if isinstance(self._target, Run):
            return self._target
        raise MissingError("it is no run")

    @property
    def build(self) -> Build:
        """The build, or that before a run.

        Raises:
            MissingError: it is none.
        """
        found = self._target.build if isinstance(self._target, Run) else self._target
        if isinstance(found, Build):
            return found
        raise MissingError("it is no build: keep it with --result")

    @functools.cached_property
    def image(self) -> Image:
        """The image, or that of a container, run or build.

        Raises:
            MissingError: there is none: the build failed.
        """
        target = self._target
        if isinstance(target, Container):
            found = self.engine.inspect(target.image_id)
            if not isinstance(found, Image):
                raise MissingError("its image is gone")
            return found
        image = target if isinstance(target, Image) else target.image
        if image is None:
            raise MissingError("there is no image: the build failed")
        return image

    @property
    def changes(self) -> Mapping[str, str]:
        """What a run or container changed.

        Raises:
            MissingError: an image changes nothing.
        """
        if isinstance(self._target, (Run, Container)):
            return self._target.changes
        raise MissingError("it is neither a run nor a container")

    @property
    def settings(self) -> Mapping[str, Any]:
        """The image's settings by the names of its config: ``Cmd``, ``Env``, …."""
        found: Mapping[str, Any] = self.image.config.get("config") or {}
        return found

    def file(self, path: str) -> File | None:
        """What stands at exactly this path; None for nothing."""
        return self._files.get(path.rstrip("/") or "/")

    def content(self, path: str) -> bytes:
        """The first MB of a file.

        Raises:
            MissingError: nothing stands there.
        """
        try:
            return self.engine.read(self._place, path, limit=_READ).data
        except NotFoundError:
            raise MissingError("nothing stands there") from None

    @functools.cached_property
    def _files(self) -> Mapping[str, File]:
        return {file.path: file for file in self.engine.files(self._place) if file.state != "D"}

    @property
    def _place(self) -> Image | Container:
        """Where its files are: a container as long as it is there, else the image."""
        target = self._target
        if isinstance(target, Run) and target.kept and target.container is not None:
            return target.container
        return target if isinstance(target, Container) else self.image
