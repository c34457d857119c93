from __future__ import annotations

import pytest

from dockmagic.layers.inprocess import InProcessOwner


@pytest.fixture
def roots(tmp_path):
    return tmp_path / "roots"


@pytest.fixture(params=["range-0", "single-0"])
def owner(request, roots):
    return InProcessOwner(roots, request.param)
