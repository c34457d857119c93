from __future__ import annotations

import pytest

from dockmagic.builder.changes import changed
from dockmagic.errors import UsageError
from dockmagic.oci.config import ContainerConfig


def test_each_instruction_sets_what_it_sets_in_a_dockerfile():
    config = changed(
        ContainerConfig(env=("A=1",), cmd=("old",), labels={"kept": "yes"}),
        ["ENV B=2 C=${A}x", 'CMD ["sh", "-c", "x"]', "LABEL k=v", "USER bob", "WORKDIR /w", "EXPOSE 80"],
    )
    assert config.env == ("A=1", "B=2", "C=1x")
    assert config.cmd == ("sh", "-c", "x")
    assert config.labels == {"kept": "yes", "k": "v"}
    assert (config.user, config.working_dir, config.exposed_ports) == ("bob", "/w", ("80/tcp",))


def test_nothing_asked_nothing_changed():
    config = ContainerConfig(entrypoint=("a",), user="u")
    assert changed(config, ()) is config


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("RUN true", "RUN sets nothing"),
        ("COPY a b", "COPY sets nothing"),
        ("FROM x", "FROM sets nothing"),
        ("BAKE", "unknown instruction: BAKE"),
        ("ENV", "ENV requires at least one argument"),
        ("ENV A=1\nENV B=2", "2 instructions instead of one"),
    ],
)
def test_what_sets_nothing_is_told(text, reason):
    with pytest.raises(UsageError) as error:
        changed(ContainerConfig(), [text])
    assert reason in str(error.value)
    assert "it takes CMD" in str(error.value)
