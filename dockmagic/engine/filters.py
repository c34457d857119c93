"""What ``--filter`` means, by docker's words: all keys, of each any of its values; of ``label`` all, as docker has it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from dockmagic.builder.globs import Glob
from dockmagic.engine import images
from dockmagic.errors import NotFoundError, UsageError
from dockmagic.oci import reference

if TYPE_CHECKING:
    from dockmagic.engine.session import Session
    from dockmagic.listing import Volume
    from dockmagic.results import Container, Image
    from dockmagic.store.images import ImageRecord

Filters = Mapping[str, str | bool | Sequence[str]] | Iterable[tuple[str, str]]
_Each = TypeVar("_Each")
_TRUTH = {"true": True, "1": True, "false": False, "0": False}


def grouped(filters: Filters) -> dict[str, list[str]]:
    """The values of each key, of a mapping as docker-py takes it or of pairs."""
    if not isinstance(filters, Mapping):
        found: dict[str, list[str]] = {}
        for key, value in filters:
            found.setdefault(key, []).append(value)
        return found
    return {key: _several(value) for key, value in filters.items()}


def _several(value: str | bool | Sequence[str]) -> list[str]:  # noqa: FBT001 - docker-py has such values
    if isinstance(value, bool):
        return [str(value).lower()]
    return [value] if isinstance(value, str) else list(value)


def containers(session: Session, values: Iterable[Container], filters: Filters) -> list[Container]:
    """Those of ``values`` that pass.

    Raises:
        UsageError: an unknown filter, or a value that it cannot have.
    """
    return _passing(values, filters, _tests_of_containers(session), "containers")


def of_images(session: Session, values: Iterable[Image], filters: Filters) -> list[Image]:
    """Those of ``values``, newest first, that pass.

    Raises:
        UsageError: an unknown filter, or a value that it cannot have.
        NotFoundError: ``before`` or ``since`` names no image.
    """
    found = list(values)
    return _passing(found, filters, _tests_of_images(session, [image.id for image in found]), "images")


def volumes(values: Iterable[Volume], filters: Filters) -> list[Volume]:
    """Those of ``values`` that pass.

    Raises:
        UsageError: an unknown filter, or a value that it cannot have.
    """
    return _passing(values, filters, _TESTS_OF_VOLUMES, "volumes")


def _passing(
    values: Iterable[_Each], filters: Filters, tests: Mapping[str, Callable[[_Each, str], bool]], what: str
) -> list[_Each]:
    wanted = grouped(filters)
    for key in wanted:
        if key not in tests:
            raise UsageError(f'there is no filter "{key}" of {what}', hint=f"filters: {', '.join(tests)}")

    def passes(each: _Each) -> bool:
        return all(
            (all if key == "label" else any)(tests[key](each, word) for word in words) for key, words in wanted.items()
        )

    return [each for each in values if passes(each)]


def _tests_of_containers(session: Session) -> dict[str, Callable[[Container, str], bool]]:
    configs: dict[str, ImageRecord] = {}

    def image_of(container: Container) -> ImageRecord:
        if container.image_id not in configs:
            configs[container.image_id] = session.store.images.get(container.image_id)
        return configs[container.image_id]

    return {
        "id": lambda container, word: container.id.startswith(word),
        # docker's names have a slash before them, which patterns may name
        "name": lambda container, word: _finds(word, container.name) or _finds(word, f"/{container.name}"),
        "status": _has_status,
        "exited": lambda container, word: container.status == "exited" and str(container.exit_code) == word,
        "ancestor": lambda container, word: _descends(session, image_of(container), word),
        "label": lambda container, word: _labelled(
            {**image_of(container).config.config.labels, **container.config.get("profile", {}).get("labels", {})}, word
        ),
        "health": lambda container, word: (container.health.status if container.health else "none") == word,
        "volume": _has_volume,
        "network": lambda container, word: container.config.get("network") == word,
    }


def _finds(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        raise UsageError(f'the filter "name={pattern}" is no regular expression') from None


def _has_status(container: Container, word: str) -> bool:
    known = ("created", "running", "paused", "exited")
    if word not in known:
        raise UsageError(f'no container has the status "{word}"', hint=f"one of {', '.join(known)}")
    return word == ("paused" if container.paused else container.status)


def _has_volume(container: Container, word: str) -> bool:
    mounts = container.config.get("mounts", ())
    return any(word in {mount.get("name"), mount.get("source"), mount["target"]} for mount in mounts)


def _descends(session: Session, image: ImageRecord, name: str) -> bool:
    """Whether an image is the one of that name, or was built on it."""
    try:
        above = images.find(session, name)
    except (NotFoundError, UsageError):
        return False
    history = above.config.history
    return image.id == above.id or (
        len(history) < len(image.config.history)
        and image.config.history[: len(history)] == history
        and image.diff_ids[: len(above.diff_ids)] == above.diff_ids
    )


def _labelled(labels: Mapping[str, str], word: str) -> bool:
    name, equals, wanted = word.partition("=")
    return name in labels and (not equals or labels[name] == wanted)


def _tests_of_images(session: Session, newest_first: Sequence[str]) -> dict[str, Callable[[Image, str], bool]]:
    def age(image_id: str) -> int:
        return -newest_first.index(image_id)

    return {
        "reference": _is_called,
        "dangling": lambda image, word: _true("dangling", word) != bool(image.tags),
        "label": lambda image, word: _labelled(image.config.get("config", {}).get("Labels") or {}, word),
        "before": lambda image, word: age(image.id) < age(images.find(session, word).id),
        "since": lambda image, word: age(image.id) > age(images.find(session, word).id),
    }


_TESTS_OF_VOLUMES: Mapping[str, Callable[[Volume, str], bool]] = {
    "name": lambda volume, word: word in volume.name,
    "driver": lambda volume, word: word == volume.driver,
    "dangling": lambda volume, word: _true("dangling", word) != bool(volume.users),
    "label": lambda volume, word: _labelled(volume.labels, word),
}


def _true(key: str, word: str) -> bool:
    if word not in _TRUTH:
        raise UsageError(f'the filter "{key}" is true or false, not "{word}"')
    return _TRUTH[word]


def _is_called(image: Image, pattern: str) -> bool:
    return any(is_named(pattern, tag) for tag in image.tags)


def is_named(pattern: str, name: str) -> bool:
    """Whether a pattern of ``--filter reference=`` fits a name in docker's short form: whole, or without tag and digest.

    Raises:
        UsageError: the pattern is malformed, or the name is none.
    """
    glob, named = Glob(pattern), reference.parse_normalized(name)
    whole = named.familiar_name + str(named).removeprefix(named.name)
    return glob.matches(whole) or glob.matches(named.familiar_name)
