"""What a container's Python does with a call; it stands behind the text of :mod:`dockmagic.exchange.tree` in one script.

The standard library alone, and nothing newer than Python 3.7.
"""

from __future__ import annotations

import json
import linecache
import os
import sys
import traceback
from typing import Any

from dockmagic.exchange.tree import pack, unpack


def main() -> None:
    """Call the function, and write what it returns or raises."""
    given = "/run/dockmagic/in/"
    with open(given + "call", encoding="utf-8") as file:  # noqa: PTH123 - as old as it may be
        call = json.load(file)
    blobs = []
    for number in range(call["blobs"]):
        with open(f"{given}blob{number}", "rb") as file:  # noqa: PTH123 - the same
            blobs.append(file.read())
    out: list[bytes] = []
    try:
        told: Any = {"value": pack(_called(call, unpack(call["arguments"], blobs)), out)}
    except Exception as error:  # noqa: BLE001 - it is told to whoever called
        text = traceback.format_exception(type(error), error, error.__traceback__)
        told = {"error": [type(error).__name__, str(error), "".join(text)]}
        out = []
    _write(call["result"], told, out)
    sys.stdout.flush()
    sys.exit("error" in told)


def _called(call: Any, arguments: Any) -> Any:
    source, place, name = call["source"], call["file"], call["name"]
    linecache.cache[place] = (len(source), None, source.splitlines(keepends=True), place)
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, place, "exec"), names)  # noqa: S102 - the caller's own function
    return names[name](*arguments[0], **arguments[1])


def _write(directory: str, told: Any, blobs: list[bytes]) -> None:
    os.makedirs(directory)  # noqa: PTH103 - the same
    for number, data in enumerate(blobs):
        with open(f"{directory}/{number}", "wb") as file:  # noqa: PTH123 - the same
            file.write(data)
    with open(directory + "/told", "w", encoding="utf-8", errors="surrogatepass") as file:  # noqa: PTH123 - the same
        json.dump(told, file)


if __name__ == "__main__":
    main()
