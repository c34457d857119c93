"""Words, quotes and variables; patterns as the regular expressions that BuildKit makes of them."""

from __future__ import annotations

from collections.abc import Callable

from dockmagic.dockerfile import shell
from dockmagic.dockerfile.shell.pattern import PatternError, Wildcard, parse_pattern
from dockmagic.errors import DockerfileError
from tests.conformance.verdict import NotJudgedError, Row, different, error_mismatch

SPECIAL = frozenset("[]{}.+()|^$*?\\")


def judge(row: Row) -> str | None:
    given, expected = row["input"], row["expected"]
    operation = OPERATIONS.get(given["op"])
    if operation is None:
        raise NotJudgedError(f"op {given['op']}")
    try:
        reason = operation(given, expected)
    except (DockerfileError, PatternError) as error:
        return error_mismatch(expected, str(error))
    return "no error" if expected.get("error") else reason


def _env(given: Row) -> dict[str, str]:
    env = given.get("env") or {}
    return shell.environment(env) if isinstance(env, list) else env


def _process_word(given: Row, expected: Row) -> str | None:
    got = shell.expand(given["word"], _env(given), escape=given.get("escape", "\\"))
    found = {"word": got.word, "matched": sorted(got.matched), "unmatched": sorted(got.unmatched)}
    wanted = {name: sorted(value) if isinstance(value, list) else value for name, value in expected.items()}
    return different("expansion", wanted, {name: found.get(name) for name in expected})


def _process_words(given: Row, expected: Row) -> str | None:
    got = shell.expand(given["text"], _env(given), escape=given.get("escape", "\\"))
    return different("words", expected.get("words"), list(got.words))


def _shell_pattern_to_regex(given: Row, expected: Row) -> str | None:
    star = ".*" if given["greedy"] else ".*?"
    parts = ["^"] if given["anchored"] else []
    for token in parse_pattern(given["pattern"]).tokens:
        if isinstance(token, Wildcard):
            parts.append(star if token is Wildcard.STAR else ".")
        else:
            parts.append(f"\\{token}" if token in SPECIAL else token)
    return different("expression", expected.get("regex"), "".join(parts))


def _env_lookup(given: Row, expected: Row) -> str | None:
    name = next(given[key] for key in ("name", "key", "lookup") if key in given)
    env = _env(given)
    found = {"value": env.get(name, ""), "found": name in env, "set": name in env}
    return different("variable", expected, {key: found.get(key) for key in expected})


OPERATIONS: dict[str, Callable[[Row, Row], str | None]] = {
    "env_lookup": _env_lookup,
    "process_word": _process_word,
    "process_words": _process_words,
    "shell_pattern_to_regex": _shell_pattern_to_regex,
}
