"""Docker's verbs of images, as methods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dockmagic.engine import (
    archives,
    files,
    images,
)
from dockmagic.engine import filters as chosen
from dockmagic.engine.filters import Filters
from dockmagic.engine.session import Session
from dockmagic.results import HistoryEntry, Image, Layer
from dockmagic.table import Table

if TYPE_CHECKING:
    from dockmagic.engine.transfer import Listener as TransferListener
    from dockmagic.oci.changeset import Entry
    from dockmagic.store.archive_input import Source
    from dockmagic.store.archive_output import Target


class ImageVerbs:
    """Images: looking at them, naming and removing them, and how they come and go.

    Attributes:
        session: what the verbs work on.
    """

    session: Session

    def images(self, *, filters: Filters = ()) -> Table[Image]:
        """Every image, newest first, or those that pass; see :mod:`dockmagic.engine.filters`."""
        return images.images(self.session, lambda found: chosen.of_images(self.session, found, filters))

    def layers(self, name: str | Image) -> Table[Layer]:
        """An image's layers, newest first."""
        return images.layers(self.session, name)

    def history(self, name: str | Image) -> Table[HistoryEntry]:
        """An image's history, newest first."""
        return images.history(self.session, name)

    def rmi(self, *names: str, force: bool = False) -> tuple[str, ...]:
        """Remove names of images, and images with their last name; returns what was removed."""
        return archives.rmi(self.session, names, force=force)

    def sharing(self, image: str | Image) -> dict[str, tuple[str, ...]]:
        """Which other images have a layer of this one, by DiffID."""
        return files.sharing(self.session, image)

    def changesets(self, image: str | Image) -> tuple[tuple[str, tuple[Entry, ...]], ...]:
        """What each layer of an image holds, as (DiffID, entries), base first."""
        return files.changesets(self.session, image)

    def pull(
        self, name: str, *, platform: str = "", all_platforms: bool = False, on_event: TransferListener | None = None
    ) -> Image:
        """Fetch an image from its registry; see :func:`dockmagic.engine.pull.pull` for what it raises."""
        from dockmagic.engine.pull import pull  # noqa: PLC0415 - HTTP and TLS are slow to import

        return pull(self.session, name, wanted=platform, all_platforms=all_platforms, listener=on_event)

    def push(self, name: str, *, all_platforms: bool = False, on_event: TransferListener | None = None) -> str:
        """Send an image to its registry, and return its digest there; see :func:`dockmagic.engine.push.push`."""
        from dockmagic.engine.push import push  # noqa: PLC0415 - as above

        return push(self.session, name, all_platforms=all_platforms, listener=on_event)

    def login(self, server: str = "", *, username: str, password: str) -> str:
        """Sign in to a registry and keep the credentials; see :func:`dockmagic.engine.login.login`."""
        from dockmagic.engine.login import login  # noqa: PLC0415 - as above

        return login(self.session, server, username, password)

    def logout(self, server: str = "") -> bool:
        """Forget the credentials for a registry; False where there were none."""
        from dockmagic.engine.login import logout  # noqa: PLC0415 - as above

        return logout(self.session, server)

    def load(self, source: Source, *, platform: str = "", all_platforms: bool = False) -> Table[Image]:
        """Take the images of an archive: a path, or a binary stream; see :func:`dockmagic.engine.archives.load`."""
        return archives.load(self.session, source, platform, all_platforms=all_platforms)

    def save(
        self,
        *names: str | Image,
        output: Target,
        format: str = "docker-archive",  # noqa: A002 - podman's name
        all_platforms: bool = False,
    ) -> Table[Image]:
        """Write images to an archive; see :func:`dockmagic.engine.save.save`."""
        from dockmagic.engine.save import save  # noqa: PLC0415 - rarely asked

        return save(self.session, names, output, format, all_platforms=all_platforms)

    def import_(self, source: Source, reference: str = "", *, message: str = "", changes: Sequence[str] = ()) -> Image:
        """Make an image from the tar of a root file system: a path, or a binary stream; see :func:`dockmagic.engine.archives.import_`."""
        return archives.import_(self.session, source, reference, message=message, changes=changes)

    def tag(self, image: str | Image, reference: str) -> Image:
        """Give an image one more name."""
        return archives.tag(self.session, image, reference)
