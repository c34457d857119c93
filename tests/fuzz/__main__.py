"""``python -m tests.fuzz TARGET [--seconds N] [--corpus DIR]``: fuzz a target by atheris, or try inputs again: ``… TARGET FILE...``.

atheris is in the dependency group ``fuzz``; to try an input again it is not needed. A finding is written below ``--findings``, and the
command then ends with another code than 0.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

_INPUT_LIMIT = 16 << 10
_PATIENCE = 20  # seconds for one input: longer is a hang
_MEMORY = 2048  # MiB


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=("dockerfile", "ignore", "tar", "documents"))
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="inputs that are tried again")
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--corpus", type=Path, help="a directory that keeps what was learnt")
    parser.add_argument("--findings", type=Path, default=Path(), help="a directory for inputs that fail")
    parser.add_argument("--scratch", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.files:
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - instrumented below, plain here

        for file in options.files:
            TARGETS[options.target](file.read_bytes())
        return
    if options.scratch is not None:
        _fuzz(options, options.scratch)
    # libFuzzer ends its process by itself, so whoever cleans up behind it is another one.
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "tests.fuzz", *sys.argv[1:], "--scratch", scratch]
        sys.exit(subprocess.run(command, check=False).returncode)


def _fuzz(options: argparse.Namespace, scratch: Path) -> None:
    import atheris  # noqa: PLC0415 - of the group "fuzz"

    with atheris.instrument_imports(include=["dockmagic"]):
        from tests.fuzz.targets import TARGETS, WORDS, seeds  # noqa: PLC0415 - instrumented
    corpus, given = options.corpus or scratch / "corpus", scratch / "seeds"
    for directory in (corpus, given, options.findings):
        directory.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(seeds(options.target)):
        (given / str(number)).write_bytes(content)
    words = scratch / "words"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in WORDS[options.target]))
    flags = [
        f"-max_total_time={options.seconds}",
        f"-timeout={_PATIENCE}",
        f"-rss_limit_mb={_MEMORY}",
        f"-max_len={_INPUT_LIMIT}",
        f"-len_control={_PATIENCE}",
        f"-dict={words}",
        f"-artifact_prefix={options.findings}/",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *flags, str(corpus), str(given)], TARGETS[options.target])
    atheris.Fuzz()


def _escaped(word: str) -> str:
    """A word as libFuzzer's dictionaries have it."""
    return "".join(c if c.isalnum() or c in " -=:;/.#$<>[]{}?*!^" else f"\\x{ord(c):02x}" for c in word)


if __name__ == "__main__":
    main()
