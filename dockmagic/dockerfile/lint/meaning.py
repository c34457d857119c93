"""Rules about what a Dockerfile means: variables, platforms, paths, ports, secrets."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from dockmagic.dockerfile.instructions import Add, Arg, Copy, Env, Expose, Workdir
from dockmagic.dockerfile.lint.platforms import format_platform, parse_platform
from dockmagic.dockerfile.lint.rule import Finding, finding
from dockmagic.dockerfile.lint.survey import SCRATCH, Survey
from dockmagic.dockerfile.quoting import quote

_TARGET_PLATFORM = "TARGETPLATFORM"
_SECRET = re.compile(
    r"(?:_|\A)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|\Z)", re.IGNORECASE | re.ASCII
)
_NO_SECRET = re.compile(r"(?:_|\A)(?:public|file|version)(?:_|\Z)", re.IGNORECASE | re.ASCII)
_REMOTE = re.compile(r"https?://|git://|ssh://|[\w.+-]+@[\w.-]+:")
_PROTOCOLS = frozenset({"", "tcp", "udp", "sctp"})


def undefined_argument_in_from(survey: Survey) -> Iterator[Finding]:
    """A variable in FROM that no ARG before the first FROM declares."""
    for header in survey.headers:
        for missing in header.missing:
            suggestion = f" (did you mean {missing.suggestion}?)" if missing.suggestion else ""
            detail = f"FROM argument '{missing.name}' is not declared{suggestion}"
            yield finding(header.stage.header, detail, words=missing.name)


def invalid_default_argument(survey: Survey) -> Iterator[Finding]:
    """A FROM that names no image unless ``--build-arg`` is given."""
    for stage, base in zip(survey.stages.stages, survey.default_bases, strict=False):
        if not survey.inputs.is_name(base):
            written = stage.header.base
            detail = f"Default value for ARG {written} results in empty or invalid base image name"
            yield finding(stage.header, detail, words=written)


def redundant_target_platform(survey: Survey) -> Iterator[Finding]:
    """``--platform=$TARGETPLATFORM``, which is the default."""
    for header in survey.headers:
        platform = header.platform
        if platform is None or platform.unmatched or platform.matched != {_TARGET_PLATFORM}:
            continue
        if platform.word == survey.inputs.build_args.get(_TARGET_PLATFORM, survey.inputs.known.get(_TARGET_PLATFORM)):
            written = header.stage.header.platform
            detail = f"Setting platform to predefined {written} in FROM is redundant as this is the default behavior"
            yield finding(header.stage.header, detail, words=written)


def constant_platform(survey: Survey) -> Iterator[Finding]:
    """``--platform=linux/arm64`` of a stage whose name does not speak of it."""
    for header in survey.headers:
        platform, name = header.platform, header.stage.name
        if platform is None or platform.matched or platform.unmatched:
            continue
        parsed = parse_platform(platform.word, survey.inputs.platform)
        if parsed is not None and not any(part in name for part in parsed):
            detail = f"FROM --platform flag should not use constant value {quote(platform.word)}"
            yield finding(header.stage.header, detail, words=header.stage.header.platform)


def base_platform(survey: Survey) -> Iterator[Finding]:
    """A base image of another platform than the stage is built for."""
    for header in survey.headers:
        stage, name = header.stage, header.base.word if header.base else ""
        is_stage = survey.stages.named(name, before=stage.index) is not None
        if stage.index not in survey.wanted or is_stage or name == SCRATCH:
            continue
        wanted = header.platform.word if header.platform else survey.inputs.platform
        base = survey.inputs.base(name)
        if base is None or not base.platform:
            continue
        expected = parse_platform(wanted, survey.inputs.platform)
        if expected is not None and expected != parse_platform(base.platform, survey.inputs.platform):
            shown, found = (quote(format_platform(text, survey.inputs.platform)) for text in (wanted, base.platform))
            detail = f"Base image {name} was pulled with platform {found}, expected {shown} for current build"
            yield finding(stage.header, detail, words=stage.header.base)


def undefined_variable(survey: Survey) -> Iterator[Finding]:
    """A variable that neither ENV, ARG nor the base image sets before it is used."""
    for visit in survey.visits:
        for missing in visit.missing:
            suggestion = f" (did you mean ${missing.suggestion}?)" if missing.suggestion else ""
            detail = f"Usage of undefined variable '${missing.name}'{suggestion}"
            yield finding(visit.instruction, detail, words=missing.name)


def relative_workdir(survey: Survey) -> Iterator[Finding]:
    """The first WORKDIR of a stage and of those below it is relative: the base image decides where that is."""
    for visit in survey.visits:
        if isinstance(visit.expanded, Workdir) and visit.first_workdir and not visit.expanded.path.startswith("/"):
            path = quote(visit.expanded.path)
            detail = f"Relative workdir {path} can have unexpected results if the base image changes"
            yield finding(visit.instruction, detail)


def secrets(survey: Survey) -> Iterator[Finding]:
    """Names that sound like secrets in ARG and ENV, which the image's history keeps."""
    for visit in survey.visits:
        match visit.expanded:
            case Env(pairs=pairs):
                names = [pair.name for pair in pairs]
            case Arg(definitions=definitions):
                names = [each.name for each in definitions]
            case _:
                continue
        for name in names:
            if _SECRET.search(name) and not _NO_SECRET.search(name):
                what = f"{visit.instruction.keyword} {quote(name)}"
                detail = f"Do not use ARG or ENV instructions for sensitive data ({what})"
                yield finding(visit.instruction, detail, words=name)


def ignored_source(survey: Survey) -> Iterator[Finding]:
    """COPY or ADD of a path of the context that ``.dockerignore`` excludes."""
    ignored = survey.inputs.ignored
    if ignored is None:
        return
    for visit in survey.visits:
        transfer = visit.expanded
        if not isinstance(transfer, Copy | Add) or (isinstance(transfer, Copy) and transfer.from_):
            continue
        for source in transfer.sources:
            path = _clean(source)
            if not _REMOTE.match(source) and ignored(path):
                detail = (
                    f"Attempting to {transfer.keyword.title()} file {quote(path)} that is excluded by .dockerignore"
                )
                yield finding(visit.instruction, detail, words=source)


def _clean(path: str) -> str:
    shortest = posixpath.normpath(path)
    return shortest[1:] if shortest.startswith("//") else shortest


def protocol_casing(survey: Survey) -> Iterator[Finding]:
    """EXPOSE with a protocol in capitals."""
    for visit in survey.visits:
        for port in _ports(visit.expanded):
            protocol = port.rpartition(":")[2].partition("/")[2]
            if protocol != protocol.lower():
                detail = f"Defined protocol '{port}' in EXPOSE instruction should be lowercase"
                yield finding(visit.instruction, detail, words=port)


def exposed_host(survey: Survey) -> Iterator[Finding]:
    """EXPOSE with an address or a port of the host."""
    for visit in survey.visits:
        for port in _ports(visit.expanded):
            if port.rpartition(":")[0].strip(":"):
                detail = f"EXPOSE instruction should not define an IP address or host-port mapping, found '{port}'"
                yield finding(visit.instruction, detail, words=port)


def _ports(instruction: object) -> Iterator[str]:
    """The words of an EXPOSE up to one that cannot be read, which is an error of its own."""
    if not isinstance(instruction, Expose):
        return
    for port in instruction.ports:
        number, _, protocol = port.rpartition(":")[2].partition("/")
        if not number or protocol.lower() not in _PROTOCOLS:
            return
        yield port
