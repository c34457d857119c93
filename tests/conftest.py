"""What every test shares: a private home, and a list of what was skipped at the end."""

from __future__ import annotations

import signal

import pytest
from hypothesis import settings

# No test says how long something may take; pytest's own time limit ends a hang.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
# A shell that starts the tests in the background has an interrupt ignored, and every process that they start inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def private_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test touches the user's own store and passwords, and none asks a registry that it did not start."""
    monkeypatch.setenv("DOCKMAGIC_HOME", str(tmp_path_factory.mktemp("home")))
    config = tmp_path_factory.mktemp("config")
    (config / "registries.toml").write_text('pull = "never"\n')
    config.chmod(0o755)
    monkeypatch.setenv("DOCKMAGIC_CONFIG", str(config))
    monkeypatch.setenv("DOCKER_CONFIG", str(config / "docker"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The list of what was skipped and why: the last lines of ``make test``."""
    skipped = terminalreporter.stats.get("skipped", [])
    terminalreporter.section("skipped")
    if not skipped:
        terminalreporter.line("nothing was skipped")
    for report in skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        terminalreporter.line(f"{report.nodeid}: {reason.removeprefix('Skipped: ')}")
