"""Fields of JSON documents, by their types. Pure.

``null`` is read as a missing field, as Go's decoder does, whose ``null`` stands in many documents; any other value of a wrong type is an
error.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from dockmagic.errors import ArchiveError


def mapping(value: object, what: str) -> dict[str, Any]:
    """An object.

    Raises:
        ArchiveError: it is none.
    """
    if not isinstance(value, dict):
        raise ArchiveError(f"{what} is not a JSON object")
    return value


def optional_mapping(value: Mapping[str, Any], key: str) -> dict[str, Any]:
    """An object, empty where the field is missing; raises as :func:`mapping`."""
    found = value.get(key)
    return {} if found is None else mapping(found, key)


def text(value: Mapping[str, Any], key: str) -> str:
    """A string, "" where the field is missing.

    Raises:
        ArchiveError: it is of another type.
    """
    found = value.get(key)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise ArchiveError(f"{key} is not a string")
    return found


def needed_text(value: Mapping[str, Any], key: str) -> str:
    """A string that must be there, though perhaps empty.

    Raises:
        ArchiveError: it is missing or of another type.
    """
    if value.get(key) is None:
        raise ArchiveError(f"{key} is missing")
    return text(value, key)


def texts(value: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
    """Strings, None where the field is missing.

    Raises:
        ArchiveError: it is no list of strings.
    """
    found = value.get(key)
    if found is None:
        return None
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise ArchiveError(f"{key} is not a list of strings")
    return tuple(found)


def truth(value: Mapping[str, Any], key: str) -> bool:
    """A boolean, False where the field is missing.

    Raises:
        ArchiveError: it is of another type.
    """
    found = value.get(key)
    if found is not None and not isinstance(found, bool):
        raise ArchiveError(f"{key} is neither true nor false")
    return found is True


def names(value: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """A set of names, which is written as an object of empty objects.

    Raises:
        ArchiveError: it is of another form.
    """
    found = optional_mapping(value, key)
    for each in found.values():
        if each is not None:
            mapping(each, f"a value in {key}")
    return tuple(found)


def strings(value: Mapping[str, Any], key: str) -> dict[str, str]:
    """An object of strings, empty where the field is missing.

    Raises:
        ArchiveError: it is of another form.
    """
    found = optional_mapping(value, key)
    if not all(isinstance(each, str) for each in found.values()):
        raise ArchiveError(f"{key} has a value that is not a string")
    return found


def require_base64(value: Mapping[str, Any], key: str) -> None:
    """Check content that stands in the document itself, RFC 4648 section 4.

    Raises:
        ArchiveError: it is of another form.
    """
    try:
        base64.b64decode(text(value, key), validate=True)
    except (binascii.Error, ValueError):
        raise ArchiveError(f"{key} is not base64") from None
