"""``python -m tests.conformance DIR [FILE...] [--misses]``: how many cases of the peers' own suites pass.

DIR holds data files ``NAME.json``; FILE is one or more of their names. Without FILE every judged file that DIR has.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from tests.conformance.scoring import score
from tests.conformance.table import MINIMUM


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("files", nargs="*", metavar="FILE", help="names of data files, with or without .json")
    parser.add_argument("--misses", action="store_true", help="print every miss with its reason")
    options = parser.parse_args()
    wanted = [Path(name).name.removesuffix(".json") for name in options.files] or sorted(MINIMUM)
    unknown = sorted(set(wanted) - set(MINIMUM))
    if unknown:
        parser.error(f"no judge for {', '.join(unknown)}; there are {', '.join(sorted(MINIMUM))}")
    for name in wanted:
        for line in _report(options.directory / f"{name}.json", misses=options.misses):
            print(line, flush=True)  # noqa: T201 - printing is what this command does


def _report(path: Path, *, misses: bool) -> Iterator[str]:
    if not path.exists():
        yield f"{path.stem}: no such file in the directory"
        return
    result = score(path)
    yield str(result)
    if misses:
        yield from (f"  {row}: {reason}" for row, reason in result.misses)
        yield from (f"  {row}: not judged: {why}" for row, why in result.unjudged)


if __name__ == "__main__":
    main()
