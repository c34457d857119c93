"""What every test shares: a private home, and a list of what was skipped at the end."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def private_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test touches the user's own store."""
    monkeypatch.setenv("DOCKMAGIC_HOME", str(tmp_path_factory.mktemp("home")))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The list of what was skipped and why: the last lines of ``make test``."""
    skipped = terminalreporter.stats.get("skipped", [])
    terminalreporter.section("skipped")
    if not skipped:
        terminalreporter.line("nothing was skipped")
    for report in skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        terminalreporter.line(f"{report.nodeid}: {reason.removeprefix('Skipped: ')}")
