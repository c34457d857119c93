from __future__ import annotations

import json

import pytest
from jupyter_client.kernelspec import KernelSpecManager

from dockmagic.errors import ConflictError, NotFoundError, UsageError
from dockmagic.kernels import kernelspec
from dockmagic.kernels.kernelspec import Kernel

FISH = Kernel(name="fish", display_name="Fish", image="bread:1", home="/store", options={"network": "none"})


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    """The user's data directory of Jupyter."""
    for name in ("DATA", "CONFIG", "RUNTIME"):
        monkeypatch.setenv(f"JUPYTER_{name}_DIR", str(tmp_path / name.lower()))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "more"))
    return tmp_path / "data"


def test_what_is_written_is_read_again_and_jupyter_finds_it(data):
    written = kernelspec.write(FISH, kernelspec.place())
    assert written.directory == data / "kernels" / "fish"
    assert kernelspec.installed() == (written,)
    spec = KernelSpecManager().get_kernel_spec("fish")
    assert (spec.display_name, spec.language, spec.interrupt_mode) == ("Fish", "python", "signal")
    assert spec.metadata["kernel_provisioner"]["provisioner_name"] == "dockmagic"
    assert spec.metadata["kernel_provisioner"]["config"]["image"] == "bread:1"
    assert [path.name for path in written.directory.iterdir()] == ["kernel.json"]


def test_one_of_ours_is_replaced_and_one_of_others_is_not(data, tmp_path):
    kernelspec.write(FISH, kernelspec.place())
    other = Kernel(name="fish", display_name="Other", image="menu:1", home="/store")
    assert kernelspec.write(other, kernelspec.place()).image == "menu:1"
    foreign = tmp_path / "more" / "kernels" / "r"
    foreign.mkdir(parents=True)
    content = json.dumps({"argv": ["R"], "display_name": "R", "language": "R"})
    (foreign / "kernel.json").write_text(content)
    with pytest.raises(ConflictError, match="another kernel of the name r"):
        kernelspec.write(Kernel(name="r", display_name="R", image="r:4"), kernelspec.place())
    with pytest.raises(NotFoundError):
        kernelspec.remove("r")
    assert (foreign / "kernel.json").read_text() == content
    assert not (data / "kernels" / "r").exists()


def test_a_kernel_is_removed_by_its_name():
    kernelspec.write(FISH, kernelspec.place())
    kernelspec.remove("Fish")
    assert kernelspec.installed() == ()
    with pytest.raises(NotFoundError, match="fish"):
        kernelspec.remove("fish")


def test_a_prefix_is_another_place(tmp_path):
    at = kernelspec.place(prefix=str(tmp_path / "env"))
    assert at == tmp_path / "env" / "share" / "jupyter" / "kernels"
    assert kernelspec.write(FISH, at).directory == at / "fish"
    with pytest.raises(UsageError, match="exclude"):
        kernelspec.place(prefix="/x", sys_prefix=True)


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        kernelspec.write(FISH, kernelspec.place(prefix=str(tmp_path / "file")))


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"metadata": {"kernel_provisioner": {"provisioner_name": "dockmagic"}}}']
)
def test_what_is_no_kernelspec_of_ours_is_passed_over(data, content):
    broken = data / "kernels" / "broken"
    broken.mkdir(parents=True)
    (broken / "kernel.json").write_text(content)
    assert kernelspec.installed() == ()


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("bread:1", "bread-1"),
        ("localhost/python", "python"),
        ("registry.example:5000/team/Bread:v1.2", "bread-v1.2"),
        ("bread:latest", "bread"),
        ("sha256:" + "a" * 64, "sha256-" + "a" * 64),
        ("bread@sha256:" + "a" * 64, "bread"),
    ],
)
def test_a_name_is_made_of_the_image(image, name):
    assert kernelspec.name_of(image) == name
    assert kernelspec.named(name) == name


@pytest.mark.parametrize("name", ["", "a/b", "../x", ".x", "a b", "é"])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(UsageError, match="no name for a kernel"):
        kernelspec.named(name)
