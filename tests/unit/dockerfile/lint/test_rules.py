"""Each rule: what it objects to, where, in which words, and what it leaves alone."""

from __future__ import annotations

import pytest

from dockmagic.dockerfile.lint import Base
from tests.unit.dockerfile.lint.linting import details, told

SHELL_FORM = "JSON arguments recommended for {} to prevent unintended behavior related to OS signals"
UNDEFINED = "Usage of undefined variable '${}'"


@pytest.mark.parametrize(
    ("text", "rule", "line", "detail"),
    [
        ("FROM a AS Oven\n", "StageNameCasing", 1, "Stage name 'Oven' should be lowercase"),
        ("FROM a as b\n", "FromAsCasing", 1, "'as' and 'FROM' keywords' casing do not match"),
        ("from a AS b\n", "FromAsCasing", 1, "'AS' and 'from' keywords' casing do not match"),
        ("FROM a\nRUN x \\\n\n  y\n", "NoEmptyContinuation", 4, "Empty continuation line"),
        (
            "FROM a\nRun x\n",
            "ConsistentInstructionCasing",
            2,
            "Command 'Run' should match the case of the command majority (uppercase)",
        ),
        (
            "from a\nrun x\nCMD []\n",
            "ConsistentInstructionCasing",
            3,
            "Command 'CMD' should match the case of the command majority (lowercase)",
        ),
        (
            "FROM a AS b\nFROM a AS b\n",
            "DuplicateStageName",
            2,
            'Duplicate stage name "b", stage names should be unique',
        ),
        (
            "FROM a AS scratch\n",
            "ReservedStageName",
            1,
            'Stage name should not use the same name as reserved stage "scratch"',
        ),
        ("FROM a\nCMD x\n", "JSONArgsRecommended", 2, SHELL_FORM.format("CMD")),
        ("from a\nentrypoint x\n", "JSONArgsRecommended", 2, SHELL_FORM.format("entrypoint")),
        (
            "FROM a\nMAINTAINER b\n",
            "MaintainerDeprecated",
            2,
            "Maintainer instruction is deprecated in favor of using label",
        ),
        ("FROM a:$tag\n", "UndefinedArgInFrom", 1, "FROM argument 'tag' is not declared"),
        (
            "ARG base=a\nFROM $bsae:1\n",
            "UndefinedArgInFrom",
            2,
            "FROM argument 'bsae' is not declared (did you mean base?)",
        ),
        (
            "FROM a\nWORKDIR b/\n",
            "WorkdirRelativePath",
            2,
            'Relative workdir "b/" can have unexpected results if the base image changes',
        ),
        ("FROM a\nCOPY $x /\n", "UndefinedVar", 2, UNDEFINED.format("x")),
        ("FROM a\nENV PATH=$PAHT\n", "UndefinedVar", 2, UNDEFINED.format("PAHT") + " (did you mean $PATH?)"),
        ("FROM a\nARG b=$c\n", "UndefinedVar", 2, UNDEFINED.format("c")),
        ("FROM a\nCOPY <<E /b\n$c\nE\n", "UndefinedVar", 2, UNDEFINED.format("c")),
        ("FROM a\nRUN --mount=type=cache,target=$c x\n", "UndefinedVar", 2, UNDEFINED.format("c")),
        (
            "FROM a\nHEALTHCHECK NONE\nHEALTHCHECK NONE\n",
            "MultipleInstructionsDisallowed",
            2,
            "Multiple HEALTHCHECK instructions should not be used in the same stage because only the last one will be used",
        ),
        (
            "FROM a\nLABEL b c\n",
            "LegacyKeyValueFormat",
            2,
            '"LABEL key=value" should be used instead of legacy "LABEL key value" format',
        ),
        (
            "FROM --platform=${TARGETPLATFORM} a\n",
            "RedundantTargetPlatform",
            1,
            "Setting platform to predefined ${TARGETPLATFORM} in FROM is redundant as this is the default behavior",
        ),
        (
            "FROM a\nENV DB_Password=x\n",
            "SecretsUsedInArgOrEnv",
            2,
            'Do not use ARG or ENV instructions for sensitive data (ENV "DB_Password")',
        ),
        (
            "FROM --platform=linux/arm64 a AS b\n",
            "FromPlatformFlagConstDisallowed",
            1,
            'FROM --platform flag should not use constant value "linux/arm64"',
        ),
        ("FROM a\nEXPOSE 80/TCP\n", "ExposeProtoCasing", 2, "Defined protocol '80/TCP' in EXPOSE instruction should be lowercase"),
        (
            "FROM a\nEXPOSE [::1]:80:80\n",
            "ExposeInvalidFormat",
            2,
            "EXPOSE instruction should not define an IP address or host-port mapping, found '[::1]:80:80'",
        ),
    ],
)  # fmt: skip
def test_a_rule_names_line_and_fault(text, rule, line, detail):
    assert told(text) == [(rule, line)]
    assert details(text) == [detail]


@pytest.mark.parametrize(
    "text",
    [
        "FROM a AS oven\n",
        "from a as oven\n",
        "FROM a\nRUN x \\\n # comment\n  y\n",
        "arg x\nFROM a\nRUN x\n",
        "FROM a AS b\nFROM a\nFROM a\n",
        'FROM a\nSHELL ["/bin/bash", "-c"]\nCMD x\n',
        'FROM a AS b\nSHELL ["/bin/bash", "-c"]\nFROM b\nENTRYPOINT x\n',
        'FROM a AS b\nCMD ["x"]\nFROM b\nCMD ["y"]\n',
        "ARG base=a\nFROM $base\n",
        "ARG base\nFROM a$base\n",
        "FROM --platform=$BUILDPLATFORM a\n",
        "FROM --platform=linux/arm64 a AS tool-arm64\n",
        "FROM a AS b\nWORKDIR /c\nFROM b\nWORKDIR d\n",
        "FROM a\nARG b\nCOPY $b c /\n",
        "FROM a\nRUN echo $b\n",
        'FROM a\nENTRYPOINT ["$b"]\n',
        "FROM a\nEXPOSE $b 80\n",
        "FROM a AS b\nARG c=1\nFROM b\nCOPY $c /\n",
        "FROM a\nENV b=1\nCOPY ${b} /\n",
        "FROM a\nCOPY <<'E' /b\n$c\nE\n",
        "FROM a\nENV PUBLIC_KEY=1 PASSWORD_FILE=2 AUTH_VERSION=3 keyboard=4\n",
        "FROM a\nEXPOSE 80 81/udp 90-91\n",
        "FROM a\nONBUILD COPY $x /\n",
    ],
)
def test_what_is_right_is_left_alone(text):
    assert told(text) == []


def test_a_variable_of_the_base_image_is_set():
    text = "FROM python\nCOPY $VERSION /\nWORKDIR /$VERSOIN\n"
    found = details(text, base=lambda _: Base(env=("VERSION=3",)))
    assert found == ["Usage of undefined variable '$VERSOIN' (did you mean $VERSION?)"]


def test_of_a_base_image_that_is_not_known_no_variable_is_missing():
    assert told("FROM unknown\nCOPY $x /\nCMD y\n", base=lambda _: None) == [("JSONArgsRecommended", 3)]


def test_a_shell_of_the_base_image_is_an_explicit_one():
    assert told("FROM a\nCMD x\n", base=lambda _: Base(shell=("/bin/bash", "-c"))) == []


def test_a_trigger_of_the_base_is_judged_at_its_from():
    assert told("FROM a\n", base=lambda _: Base(on_build=("COPY $x /", "FROM", ""))) == [("UndefinedVar", 1)]
    assert told("FROM a AS b\nONBUILD COPY $x /\nFROM b\n") == [("UndefinedVar", 3)]


def test_a_base_image_of_another_platform_is_told():
    image = Base(platform="linux/riscv64")
    assert details("FROM a\n", base=lambda _: image) == [
        'Base image a was pulled with platform "linux/riscv64", expected "linux/amd64" for current build'
    ]
    assert told("ARG P=linux/riscv64\nFROM --platform=$P a\n", base=lambda _: image) == []


def test_a_default_that_names_no_image_is_told_whatever_is_given():
    text = "ARG TAG\nFROM a:$TAG\n"
    for given in ({}, {"TAG": "1"}):
        found = details(text, is_name=lambda name: not name.endswith(":"), build_args=given)
        assert found == ["Default value for ARG a:$TAG results in empty or invalid base image name"]


def test_an_excluded_source_is_told_for_copy_and_add():
    text = "FROM a AS b\nCOPY ./x/../y n /\nADD y https://e.org/y git@e.org:y /\nFROM a\nCOPY --from=b y /\n"
    assert details(text, ignored="y".__eq__) == [
        'Attempting to Copy file "y" that is excluded by .dockerignore',
        'Attempting to Add file "y" that is excluded by .dockerignore',
    ]
    assert told(text) == []


def test_an_argument_that_is_given_is_expanded_in_paths():
    text = "FROM a\nARG dir=x\nWORKDIR $dir\n"
    assert told(text) == [("WorkdirRelativePath", 3)]
    assert told(text, build_args={"dir": "/x"}) == []


def test_descriptions_are_judged_only_where_asked_for():
    text = "# {}\n# oven: hot\nFROM a AS oven\n\n# no description\n\nARG b\n# b is b\nARG b\n# c is c\nARG b c\n# d\nARG b c\n"
    assert told(text.format("check=skip=StageNameCasing")) == []
    found = told(text.format("check=experimental=InvalidDefinitionDescription"))
    assert found == [("InvalidDefinitionDescription", 3), ("InvalidDefinitionDescription", 13)]


def test_every_word_with_an_unset_variable_is_told():
    assert details("FROM a\nCOPY $x $x$y /\n") == [UNDEFINED.format("x"), UNDEFINED.format("x"), UNDEFINED.format("y")]
