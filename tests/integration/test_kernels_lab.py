"""A kernel inside an image, chosen in the real JupyterLab."""

from __future__ import annotations

import pytest

from dockmagic.engine.engine import Engine
from dockmagic.kernels import kernelspec, verbs
from tests.integration import kernel_image
from tests.integration.lab_browser import CHROMIUM, browsing, serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]


def test_a_notebook_runs_in_the_image_is_interrupted_and_restarted_and_nothing_stays(tmp_path):
    engine = Engine(tmp_path / "store")
    engine.build(kernel_image.DOCKERFILE, context=kernel_image.write_context(tmp_path / "context"), tags=("bread:1",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter_data_dir"))
        verbs.install(engine, "bread:1", name="fish")
        assert [kernel.name for kernel in kernelspec.installed()] == ["fish"]
    cells = [
        f"import os; print(os.path.exists({str(tmp_path)!r}), 6 * 7)\nx = 1",
        "import time; time.sleep(1000)",
        "print(x)",
    ]
    with serving(tmp_path) as server, browsing(server.address) as page:
        server.write("fish.ipynb", cells, kernel="fish")
        page.open(server.lab("fish.ipynb")).kernel()
        assert "False 42" in page.run(0).cell(0).locator(".jp-OutputArea-output").inner_text()
        page.cell(1).locator(".cm-content").click()
        page.page.keyboard.press("Control+Enter")
        page.page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="busy"]')
        page.palette("Interrupt Kernel")
        page.page.wait_for_selector("text=KeyboardInterrupt")
        assert "1" in page.run(2).cell(2).locator(".jp-OutputArea-output").inner_text()
        page.palette("Restart Kernel…")
        page.page.locator(".jp-Dialog button.jp-mod-accept").click()
        page.kernel()
        page.run(2, error=True)
        assert "NameError" in page.cell(2).inner_text()
        assert len(engine.ps()) == 1
    assert list(engine.ps(all=True)) == []
    assert list((tmp_path / "jupyter_runtime_dir").glob("kernel-*")) == []
    engine.close()
