from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conformance.scoring import score
from tests.conformance.table import MINIMUM

DIRECTORY = Path(os.environ["DOCKMAGIC_CONFORMANCE"])


@pytest.mark.parametrize("name", sorted(MINIMUM))
def test_peers_cases_pass(name):
    path = DIRECTORY / f"{name}.json"
    if not path.exists():
        pytest.skip(f"{path.name} is not in DOCKMAGIC_CONFORMANCE")
    result = score(path)
    assert result.share >= MINIMUM[name], "\n".join(f"{row}: {reason}" for row, reason in result.misses)
