"""Docker's own cases for the values of options, as far as dockmagic has the options."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dockmagic.magics import values

CASES = Path(__file__).resolve().parents[3] / "shared" / "conformance" / "cli_options.json"
OPERATIONS = ("env_flag", "env_file", "env_files_and_flags")


def rows():
    if not CASES.exists():
        return [
            pytest.param(None, marks=pytest.mark.skip(reason="the conformance cases are not beside the repository"))
        ]
    found = json.loads(CASES.read_text("utf-8"))
    return [pytest.param(row, id=row["id"]) for row in found if row["input"]["op"] in OPERATIONS]


def text_of(case):
    repeated = case.get("text_repeat")
    return (
        repeated["prefix"] + repeated["repeat"] * repeated["count"] + repeated["suffix"] if repeated else case["text"]
    )


def outcome(case):
    environ = case.get("environ", {})
    match case["op"]:
        case "env_flag":
            return values.environment_word(text_of(case), environ)
        case "env_file":
            return values.environment_file(text_of(case), environ)
        case _:
            merged = [word for file in case["files"] for word in values.environment_file(file, environ)]
            return merged + [values.environment_word(word, environ) for word in case["flags"]]


@pytest.mark.parametrize("row", rows())
def test_environment_options_are_read_as_docker_reads_them(row):
    expected = row["expected"]
    reason = expected.get("error") or expected.get("error_contains")
    if reason:
        with pytest.raises(ValueError) as caught:
            outcome(row["input"])
        assert reason in str(caught.value)
    else:
        assert outcome(row["input"]) == expected["env"]
