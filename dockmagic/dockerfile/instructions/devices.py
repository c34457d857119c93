"""``RUN --device``."""

from __future__ import annotations

from dataclasses import dataclass

from dockmagic.dockerfile.instructions.quantities import csv_fields, parse_boolean
from dockmagic.dockerfile.instructions.suggestion import did_you_mean
from dockmagic.errors import DockerfileError


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device by its CDI name; the step fails without it if ``required``."""

    name: str
    required: bool = False


def parse_device(text: str) -> Device:
    """Read ``[name=]NAME[,required[=BOOLEAN]]``.

    Raises:
        DockerfileError: an unknown or repeated key, or no boolean.
    """
    name, required = "", False
    for field in csv_fields(text, "devices"):
        key, equals, value = field.partition("=")
        key = key.lower()
        if key == "required":
            parsed = parse_boolean(value) if equals else True
            if parsed is None:
                raise DockerfileError(f"invalid value for {key}: {value}")
            required = parsed
        elif key == "name" and equals:
            if name:
                raise DockerfileError(f"device name already set to {name}")
            name = value
        elif not name:
            name = field
        elif equals:
            suggestion = did_you_mean(key, ("name", "required"))
            raise DockerfileError(f"unexpected key '{key}' in '{field}'{suggestion}")
        else:
            raise DockerfileError(f"invalid field '{field}' must be a key=value pair")
    return Device(name=name, required=required)
