"""BuildKit's published list of build checks, in its order."""

from __future__ import annotations

from dockmagic.dockerfile.lint import meaning, writing
from dockmagic.dockerfile.lint.rule import Rule

RULES: tuple[Rule, ...] = (
    Rule(
        name="StageNameCasing",
        description="Stage names should be lowercase",
        judge=writing.stage_name_casing,
        page="stage-name-casing",
        early=True,
    ),
    Rule(
        name="FromAsCasing",
        description="The 'as' keyword should match the case of the 'from' keyword",
        judge=writing.from_as_casing,
        page="from-as-casing",
        early=True,
    ),
    Rule(
        name="NoEmptyContinuation",
        description="Empty continuation lines will become errors in a future release",
        judge=writing.empty_continuation,
        page="no-empty-continuation",
        early=True,
    ),
    Rule(
        name="ConsistentInstructionCasing",
        description="All commands within the Dockerfile should use the same casing (either upper or lower)",
        judge=writing.instruction_casing,
        page="consistent-instruction-casing",
    ),
    Rule(
        name="DuplicateStageName",
        description="Stage names should be unique",
        judge=writing.duplicate_stage_name,
        page="duplicate-stage-name",
    ),
    Rule(
        name="ReservedStageName",
        description="Reserved words should not be used as stage names",
        judge=writing.reserved_stage_name,
        page="reserved-stage-name",
    ),
    Rule(
        name="JSONArgsRecommended",
        description="JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals",
        judge=writing.json_arguments,
        page="json-args-recommended",
    ),
    Rule(
        name="MaintainerDeprecated",
        description="The MAINTAINER instruction is deprecated, use a label instead to define an image author",
        judge=writing.maintainer,
        page="maintainer-deprecated",
        early=True,
    ),
    Rule(
        name="UndefinedArgInFrom",
        description="FROM command must use declared ARGs",
        judge=meaning.undefined_argument_in_from,
        page="undefined-arg-in-from",
    ),
    Rule(
        name="WorkdirRelativePath",
        description="Relative workdir without an absolute workdir declared within the build can have unexpected results"
        " if the base image changes",
        judge=meaning.relative_workdir,
        page="workdir-relative-path",
    ),
    Rule(
        name="UndefinedVar",
        description="Variables should be defined before their use",
        judge=meaning.undefined_variable,
        page="undefined-var",
    ),
    Rule(
        name="MultipleInstructionsDisallowed",
        description="Multiple instructions of the same type should not be used in the same stage",
        judge=writing.multiple_instructions,
        page="multiple-instructions-disallowed",
    ),
    Rule(
        name="LegacyKeyValueFormat",
        description="Legacy key/value format with whitespace separator should not be used",
        judge=writing.legacy_pairs,
        page="legacy-key-value-format",
    ),
    Rule(
        name="InvalidBaseImagePlatform",
        description="Base image platform does not match expected target platform",
        judge=meaning.base_platform,
        page="invalid-base-image-platform",
        documented=False,
    ),
    Rule(
        name="RedundantTargetPlatform",
        description="Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior",
        judge=meaning.redundant_target_platform,
        page="redundant-target-platform",
    ),
    Rule(
        name="SecretsUsedInArgOrEnv",
        description="Sensitive data should not be used in the ARG or ENV commands",
        judge=meaning.secrets,
        page="secrets-used-in-arg-or-env",
    ),
    Rule(
        name="InvalidDefaultArgInFrom",
        description="Default value for global ARG results in an empty or invalid base image name",
        judge=meaning.invalid_default_argument,
        page="invalid-default-arg-in-from",
    ),
    Rule(
        name="FromPlatformFlagConstDisallowed",
        description="FROM --platform flag should not use a constant value",
        judge=meaning.constant_platform,
        page="from-platform-flag-const-disallowed",
    ),
    Rule(
        name="CopyIgnoredFile",
        description="Attempting to Copy file that is excluded by .dockerignore",
        judge=meaning.ignored_source,
        page="copy-ignored-file",
    ),
    Rule(
        name="InvalidDefinitionDescription",
        description="Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`."
        " If this is not intended to be a description comment, add an empty line or comment between the instruction"
        " and the comment.",
        judge=writing.definition_description,
        page="invalid-definition-description",
        experimental=True,
        early=True,
    ),
    Rule(
        name="ExposeProtoCasing",
        description="Protocol in EXPOSE instruction should be lowercase",
        judge=meaning.protocol_casing,
        page="expose-proto-casing",
    ),
    Rule(
        name="ExposeInvalidFormat",
        description="IP address and host-port mapping should not be used in EXPOSE instruction. This will become an"
        " error in a future release",
        judge=meaning.exposed_host,
        page="expose-invalid-format",
    ),
)
