"""``build --platform A,B``: one image for each platform, and one name for all of them.

BuildKit makes an index of such images. Here the name means this machine's image, or the first, and has the others beside it; ``push`` and
``save`` write the index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dockmagic.engine.build import EventListener, Request, build
from dockmagic.engine.products import prepare, push
from dockmagic.errors import UsageError
from dockmagic.oci import platform

if TYPE_CHECKING:
    from dockmagic.builder.exports import Output
    from dockmagic.engine.session import Session
    from dockmagic.results import Build

_OWN_KINDS = ("local", "image")
_ALWAYS = "BUILDKIT_MULTI_PLATFORM"


def platforms_of(texts: str | Sequence[str]) -> tuple[str, ...]:
    """Platforms from words that may each hold several, with commas; each once, in one spelling.

    Raises:
        UsageError: one is no platform.
    """
    words = [texts] if isinstance(texts, str) else texts
    found = [str(_whole(word.strip())) for text in words for word in text.split(",") if word.strip()]
    return tuple(dict.fromkeys(found))


def _whole(text: str) -> platform.Platform:
    """``local`` and an operating system alone are of this machine's architecture."""
    if text == "local":
        return platform.here()
    found = platform.parse(text)
    return found if found.architecture else replace(found, architecture=platform.here().architecture)


def build_each(session: Session, request: Request, *, listener: EventListener | None = None) -> Build:
    """Build for each platform in turn; the names are given when all are built.

    Args:
        session: what it works on.
        request: for several platforms; one for at most one is built as it is.
        listener: is told of every step, platform after platform.

    Returns:
        The Build of this machine's platform, or of the first; its ``images`` has all.

    Raises:
        UsageError: what cannot be written of several images at once is asked for.
        DockmagicError: as :func:`dockmagic.engine.build.build`; no name was given.
    """
    if len(request.platforms) <= 1 and not _is_multiple(request):
        return build(session, request, listener=listener)
    request = replace(request, platforms=request.platforms or (str(platform.here()),))
    _require_possible(request)
    prepare(request.products, request.tags)
    done = {each: build(session, _for_one(request, each), listener=listener) for each in request.platforms}
    own = str(platform.here()) if str(platform.here()) in done else request.platforms[0]
    found = {each: value.image for each, value in done.items() if value.image is not None}
    ids = {each: image.id for each, image in found.items()}
    for tag in (*request.tags, *(name for output in request.products.outputs for name in _store_names(output))):
        session.store.images.name_together(tag, ids, ids[own])
    push(session, request.products, request.tags, ids, ids[own])
    value = done[own]
    if value.image is None:
        return value
    tags: tuple[str, ...] = tuple(session.store.images.tags(ids[own]))
    notes = tuple(dict.fromkeys(note for each in done.values() for note in each.notes))
    others = ", ".join(each for each in found if each != own)
    if others:
        notes = (*notes, f"shown is the build for {own}; built too: {others}")
    return replace(
        value,
        image=replace(value.image, tags=tags, names=request.tags),
        images=found,
        warnings=tuple(dict.fromkeys(line for each in done.values() for line in each.warnings)),
        log="".join(f"--- {each}\n{value.log}" for each, value in done.items()),
        notes=notes,
        seconds=sum(each.seconds for each in done.values()),
    )


def _is_multiple(request: Request) -> bool:
    """Whether one platform is written as several are: BuildKit's argument for it."""
    return request.build_args.get(_ALWAYS, "").lower() in {"1", "t", "true"}


def _require_possible(request: Request) -> None:
    products = request.products
    for output in products.outputs:
        if output.kind not in _OWN_KINDS and output.dest:
            raise UsageError(
                f"-o type={output.kind} writes one image, and the build is for several platforms",
                hint="give it -t NAME, then %container save --format oci-archive NAME",
            )
    if products.cache_to or products.iidfile or products.metadata_file:
        option = "--cache-to" if products.cache_to else "--iidfile" if products.iidfile else "--metadata-file"
        raise UsageError(
            f"{option} is of one image, and the build is for several platforms", hint="build one at a time"
        )


def _store_names(output: Output) -> tuple[str, ...]:
    """Further names in the store."""
    return output.names if output.kind == "image" and not output.by_digest else ()


def _for_one(request: Request, each: str) -> Request:
    """What a build for one platform is asked for: local files in a directory of their own, as BuildKit splits them; names come at the end."""
    outputs = tuple(
        replace(output, split=output.split is not False)
        for output in request.products.outputs
        if output.kind != "image"
    )
    products = replace(request.products, outputs=outputs)
    return replace(request, platforms=(each,), tags=(), products=products)
