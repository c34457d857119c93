"""Values of docker's options: the environment's so far; an option that is not available yet has no value to judge."""

from __future__ import annotations

from dockmagic.magics import values
from tests.conformance.verdict import NotJudgedError, Row, different


def judge(row: Row) -> str | None:
    given, expected = row["input"], row["expected"]
    if given["op"] not in {"env_flag", "env_file", "env_files_and_flags"}:
        raise NotJudgedError(f"op {given['op']}")
    reason = expected.get("error") or expected.get("error_contains")
    try:
        got = _read(given)
    except ValueError as error:
        return None if reason and reason in str(error) else f"unexpected error: {error}"
    return "no error" if reason else different("env", expected["env"], got)


def _read(given: Row) -> str | list[str]:
    environ = given.get("environ", {})
    if given["op"] == "env_flag":
        return values.environment_word(given["text"], environ)
    if given["op"] == "env_file":
        return values.environment_file(_text(given), environ)
    words = [word for text in given["files"] for word in values.environment_file(text, environ)]
    return words + [values.environment_word(word, environ) for word in given["flags"]]


def _text(given: Row) -> str:
    repeated = given.get("text_repeat")
    if repeated is None:
        return str(given["text"])
    return str(repeated["prefix"] + repeated["repeat"] * repeated["count"] + repeated["suffix"])
