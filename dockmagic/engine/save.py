"""``save``: images to an archive that docker, podman and every OCI tool reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from dockmagic.engine import images
from dockmagic.engine.platform_wish import require_several
from dockmagic.errors import UsageError
from dockmagic.oci import reference
from dockmagic.oci.reference import Reference
from dockmagic.results import Image
from dockmagic.store.archive import Form
from dockmagic.table import Table

if TYPE_CHECKING:
    from dockmagic.engine.session import Session
    from dockmagic.store.archive_output import Target

FORMS: tuple[str, ...] = get_args(Form)


def save(
    session: Session,
    names: Sequence[str | Image],
    output: Target,
    form: str = FORMS[0],
    *,
    all_platforms: bool = False,
) -> Table[Image]:
    """Write images to a file, a stream or a directory; see :meth:`dockmagic.store.archive.Archive.save`.

    A name that stands for images of several platforms goes out with all of them; with ``all_platforms`` no other is taken.

    As with docker, a name without a tag means all tags of that repository, and an id goes out without a name. An
    :class:`~dockmagic.results.Image` goes out with all names that it bears.

    Returns:
        The images that were written.

    Raises:
        NotFoundError: one is not there; nothing was written.
        UsageError: the form is unknown, or a name stands for one image and ``all_platforms`` was asked for.
        ArchiveError: the output cannot be written.
    """
    if form not in FORMS:
        raise UsageError(f'unknown format "{form}"', hint=f"formats are {', '.join(FORMS)}")
    wanted: dict[str, dict[str, None]] = {}
    for name in names:
        for image_id, bears in _meant(session, name):
            wanted.setdefault(image_id, {}).update(dict.fromkeys(bears))
    store = session.store
    if all_platforms:
        for name in dict.fromkeys(name for bears in wanted.values() for name in bears):
            require_several(store, name)
    with store.leases.hold("save", *wanted, *_together(session, wanted)):
        values = tuple(images.describe(session, store.images.get(image_id)) for image_id in wanted)
        target = Path(output).expanduser() if isinstance(output, str | Path) else output
        pairs = [(image_id, tuple(bears)) for image_id, bears in wanted.items()]
        store.archive.save(pairs, target, cast("Form", form))
    told = (", ".join(map(store.images.familiar, bears)) for bears in wanted.values())
    return Table(
        columns=("SAVED IMAGE", "LAYERS"),
        items=values,
        rows=tuple((names or v.short_id, str(len(v.layers))) for names, v in zip(told, values, strict=True)),
    )


def _together(session: Session, wanted: Mapping[str, Iterable[str]]) -> list[str]:
    """What else goes out: the images that a name stands for on other platforms, and the index that they came as."""
    images_ = session.store.images
    found: list[str] = []
    for name in (name for names in wanted.values() for name in names):
        found += images_.variants(name, together=True).values()
        index = images_.index(name)
        if index is not None:
            found += (index.digest, *index.blobs)
    return found


def _meant(session: Session, name: str | Image) -> list[tuple[str, list[str]]]:
    """Ids of the images that a word means, each with the whole names that it goes out with."""
    if isinstance(name, Image):
        bears = session.store.images.names()
        return [(name.id, [full for full, image_id in bears.items() if image_id == name.id])]
    parsed = _parsed(name)
    if parsed is not None and not parsed.tag and not parsed.digest:
        found = _repository(session.store.images.names(), parsed)
        if found:
            return [(image_id, [full]) for full, image_id in found.items()]
    image_id = images.find(session, name).id
    named = parsed is not None and session.store.images.names().get(parsed.full) == image_id
    return [(image_id, [parsed.full] if parsed is not None and named else [])]


def _parsed(name: str) -> Reference | None:
    try:
        return reference.parse_normalized(name)
    except UsageError:
        return None  # an id


def _repository(names: Mapping[str, str], wanted: Reference) -> dict[str, str]:
    """All tags of a repository, with their images."""
    parsed = {full: reference.parse_normalized(full) for full in names}
    return {full: names[full] for full, own in parsed.items() if own.tag and own.name == wanted.name}
