"""Build arguments: which are known without being declared, and what ARG makes of those that are given. Pure.

Scopes and predefined names are those of the Dockerfile reference ("ARG").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dockmagic.dockerfile import shell
from dockmagic.dockerfile.instructions import Arg, Definition, expand
from dockmagic.oci.platform import Platform

# Given by --build-arg, RUN sees these without any ARG; they are no part of the history or of a cache key.
PROXIES = frozenset(
    spelled
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
    for spelled in (name, name.lower())
)


def platform_arguments(machine: Platform, wanted: Platform, target: str) -> dict[str, str]:
    """What FROM may use without declaring it, and a stage once it declares it.

    Args:
        machine: what the build is made on.
        wanted: what it is for.
        target: the name of the stage that is wanted, "default" for the last one.
    """
    known = {"TARGETSTAGE": target}
    for side, platform in (("BUILD", machine), ("TARGET", wanted)):
        known |= {
            f"{side}PLATFORM": str(platform),
            f"{side}OS": platform.os,
            f"{side}OSVERSION": "",
            f"{side}ARCH": platform.architecture,
            f"{side}VARIANT": platform.variant,
        }
    return known


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """Arguments from outside of a stage.

    Attributes:
        given: by ``--build-arg``.
        known: those of the platform.
        declared: by the ARGs before the first FROM; None for one without a value.
    """

    given: Mapping[str, str]
    known: Mapping[str, str]
    declared: Mapping[str, str | None]

    def in_from(self) -> dict[str, str]:
        """The variables of a FROM line."""
        return {**self.known, **{name: value for name, value in self.declared.items() if value is not None}}

    def value_of(self, definition: Definition) -> str | None:
        """The value of a variable that a stage declares; None where it stays unset."""
        name = definition.name
        if name in self.given:
            return self.given[name]
        if definition.value is not None:
            return definition.value
        return self.declared.get(name) if name in self.declared else self.known.get(name)


def read_arguments(
    declarations: Sequence[Arg], given: Mapping[str, str], known: Mapping[str, str], *, escape: str
) -> Arguments:
    """Evaluate the ARGs before the first FROM, each seeing those before it.

    Raises:
        DockerfileError: a substitution in a default fails.
    """
    declared: dict[str, str | None] = {}
    for declaration in declarations:
        values = {**known, **{name: value for name, value in declared.items() if value is not None}}
        for definition in expand_arguments(declaration, values, given, escape=escape).definitions:
            declared[definition.name] = given.get(definition.name, definition.value)
    return Arguments(given=given, known=known, declared=declared)


def expand_arguments(declaration: Arg, values: Mapping[str, str], given: Mapping[str, str], *, escape: str) -> Arg:
    """An ARG with variables replaced: each default sees those before it, and one that does not count is not looked at.

    Args:
        declaration: as written.
        values: what is known before it.
        given: by ``--build-arg``.
        escape: the escape character.

    Raises:
        DockerfileError: a substitution fails in a default that counts.
    """
    known = dict(values)
    done: list[Definition] = []
    for definition in declaration.definitions:
        if definition.name in given:
            done.append(definition)
            known[definition.name] = given[definition.name]
            continue
        alone = expand(replace(declaration, definitions=(definition,)), known, escape).definitions[0]
        done.append(alone)
        if alone.value is not None:
            known[alone.name] = alone.value
    return replace(declaration, definitions=tuple(done))


def variables(arguments: Mapping[str, str], env: Sequence[str]) -> dict[str, str]:
    """What an instruction of a stage may use.

    Args:
        arguments: of the stage; one that an ENV has set since has that value.
        env: of the image so far: an ARG behind an ENV counts, as for BuildKit.
    """
    return {**shell.environment(env), **arguments}


def is_undeclared(name: str) -> bool:
    """Whether a build argument means something without an ARG."""
    return name in PROXIES or name == "SOURCE_DATE_EPOCH" or name.startswith("BUILDKIT_")
