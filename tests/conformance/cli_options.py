"""Values of docker's options, by the readers of the option tables; options that are refused for another reason are read all the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dockmagic.engine import mount_values
from dockmagic.errors import UsageError
from dockmagic.exchange import sizes
from dockmagic.magics import grammar, limit_values, policy_values, values
from dockmagic.magics.options import Option
from dockmagic.magics.verbs import LINE_VERBS
from tests.conformance.verdict import NotJudgedError, Row, different

_RUN = next(verb for verb in LINE_VERBS if verb.name == "run")
# Options that are refused have readers too: their words are judged, not that the option cannot be used here.
_REFUSED = {
    "memory_swap": policy_values.swap,
    "restart": policy_values.restart,
    "device": mount_values.device,
    "pid": policy_values.pid_mode,
    "uts": policy_values.uts_mode,
}


def _readable(option: Option) -> Option:
    read = _REFUSED.get(option.key, option.read) if option.absent else option.read
    return replace(option, absent="", read=read, many=option.many or option.key == "device")


_READABLE = replace(_RUN, options=tuple(map(_readable, _RUN.options)))


def judge(row: Row) -> str | None:
    given, expected = row["input"], row["expected"]
    if given["op"] not in _READERS:
        raise NotJudgedError(f"op {given['op']}")
    reason = expected.get("error") or expected.get("error_contains")
    try:
        got = _READERS[given["op"]](given)
    except (ValueError, UsageError) as error:
        return None if reason and (reason is True or reason in str(error)) else f"unexpected error: {error}"
    if reason:
        return f"no error, but {got!r}"
    return _compared(given["op"], expected, got)


def _compared(op: str, expected: Row, got: Any) -> str | None:
    if expected.get("ok") is True:
        return None
    if op == "mount_flag" and "field" in expected:
        return different("field", expected["value"], got.get(*expected["field"], False))
    if op in {"run_args", "ulimit", "cap_add_drop"}:
        wanted = {key: got.get(key) for key in expected}
        return different(op, expected, wanted)
    return different(op, next(iter(expected.values())), got)


def _env_files_and_flags(given: Row) -> list[str]:
    environ = given.get("environ", {})
    words = [word for text in given["files"] for word in values.environment_file(text, environ)]
    return words + [values.environment_word(word, environ) for word in given["flags"]]


def _text(given: Row) -> str:
    repeated = given.get("text_repeat")
    if repeated is None:
        return str(given["text"])
    return str(repeated["prefix"] + repeated["repeat"] * repeated["count"] + repeated["suffix"])


def _ulimit(given: Row) -> dict[str, Any]:
    return dict(zip(("name", "soft", "hard"), limit_values.ulimit(given["text"]), strict=True))


def _mount(given: Row) -> dict[str, Any]:
    """A mount as the API of docker names its parts; what is empty is left out."""
    found = mount_values.mount(given["text"])
    options, driver = found.options, {}
    if "volume-driver" in options:
        driver["Name"] = options["volume-driver"]
    if found.driver_options:
        driver["Options"] = found.driver_options
    told: dict[str, Any] = {
        "Type": found.type,
        "Source": found.source,
        "Target": found.target,
        "ReadOnly": found.readonly,
    }
    told = {key: value for key, value in told.items() if value}
    if any(name.startswith("volume-") for name in options):
        has_driver = bool(driver) or "volume-opt" in options
        told["VolumeOptions"] = ({"Labels": found.labels} if found.labels else {}) | (
            {"DriverConfig": driver} if has_driver else {}
        )
    tmpfs = {"SizeBytes": options.get("tmpfs-size"), "Mode": options.get("tmpfs-mode")}
    if any(tmpfs.values()):
        told["TmpfsOptions"] = {key: value for key, value in tmpfs.items() if value is not None}
    return told


def _run_args(given: Row) -> dict[str, Any]:
    command = grammar.command_of(_READABLE, given["args"], fill=str)
    options = command.options
    policy: policy_values.Restart = options["restart"] or policy_values.Restart("")
    if options["rm"] and policy.name not in {"", "no"}:
        raise UsageError("conflicting options: cannot specify both --restart and --rm")
    volumes = [(text, mount_values.volume(text)) for text in options["volume"]]
    device = next(iter(options["device"]), None)
    entrypoint = options["entrypoint"]
    return {
        "memory": options["memory"],
        "memory_swap": options["memory_swap"],
        "shm_size": options["shm_size"],
        "device": device and {"host": device.host, "container": device.container, "perms": device.permissions},
        "restart": {"name": policy.name, "max_retries": policy.retries},
        "binds": [text for text, volume in volumes if volume.source] or None,
        "volumes": [volume.target for _, volume in volumes if not volume.source],
        "entrypoint": entrypoint and [entrypoint],
    }


def _cap_add_drop(given: Row) -> dict[str, list[str]]:
    added, dropped = policy_values.added_and_dropped(given.get("add") or (), given.get("drop") or ())
    return {"add": added, "drop": dropped}


_READERS = {
    "env_flag": lambda given: values.environment_word(given["text"], given.get("environ", {})),
    "env_file": lambda given: values.environment_file(_text(given), given.get("environ", {})),
    "env_files_and_flags": _env_files_and_flags,
    "ram_in_bytes": lambda given: sizes.binary(given["text"]),
    "from_human_size": lambda given: sizes.decimal(given["text"]),
    "ulimit": _ulimit,
    "mount_flag": _mount,
    "device_flag": lambda given: mount_values.device(given["text"]),
    "run_args": _run_args,
    "label_flag": lambda given: policy_values.label(given["text"]),
    "capability": lambda given: policy_values.capability(given["text"]),
    "cap_add_drop": _cap_add_drop,
}
