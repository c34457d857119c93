from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockmagic.errors import ArchiveError
from dockmagic.oci import config
from dockmagic.oci.config import ContainerConfig, History, ImageConfig

DIFF_ID = "sha256:" + "ab" * 32
PLAIN = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [DIFF_ID]}}

texts = st.text(max_size=8)
lists = st.lists(texts, max_size=3).map(tuple)
names = st.lists(texts, max_size=3, unique=True).map(tuple)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda v: st.lists(v, max_size=2) | st.dictionaries(texts, v),
    max_leaves=4,
)
containers = st.builds(
    ContainerConfig,
    user=texts,
    env=st.lists(st.tuples(texts, texts).map("=".join), max_size=3).map(tuple),
    entrypoint=st.none() | lists,
    cmd=st.none() | lists,
    working_dir=texts,
    labels=st.dictionaries(texts, texts, max_size=3),
    exposed_ports=names,
    volumes=names,
    stop_signal=texts,
    shell=st.none() | lists.filter(bool),
    healthcheck=st.none() | st.dictionaries(texts, json_values, min_size=1, max_size=2),
    on_build=lists,
    other=st.dictionaries(st.sampled_from(["Hostname", "NetworkDisabled", "Memory"]), json_values, max_size=2),
)
configs = st.builds(
    ImageConfig,
    architecture=texts,
    os=texts,
    created=texts,
    author=texts,
    config=containers,
    diff_ids=st.lists(st.binary(min_size=32, max_size=32).map(lambda b: f"sha256:{b.hex()}"), max_size=3).map(tuple),
    history=st.lists(
        st.builds(History, created=texts, created_by=texts, comment=texts, author=texts, empty_layer=st.booleans()),
        max_size=3,
    ).map(tuple),
    other=st.fixed_dictionaries({}, optional={"variant": texts, "os.version": texts, "x": json_values}),
)


@given(configs)
def test_what_is_written_is_read_again(value):
    found = config.parse(value.to_bytes())
    # a set, in JSON an object, has no order: it is written sorted
    assert found == _ordered(value)
    assert found.to_bytes() == value.to_bytes()


def _ordered(value):
    box = value.config
    return replace(
        value,
        config=replace(box, exposed_ports=tuple(sorted(box.exposed_ports)), volumes=tuple(sorted(box.volumes))),
    )


@given(st.binary(max_size=200) | json_values.map(lambda v: json.dumps(v).encode()))
def test_any_bytes_are_a_config_or_an_archive_error(data):
    try:
        found = config.parse(data)
    except ArchiveError:
        return
    assert config.parse(found.to_bytes()) == found


@given(st.sampled_from(["config", "rootfs", "history", "created", "author", "os", "architecture"]), json_values)
def test_any_value_in_a_field_is_taken_or_an_archive_error(name, value):
    try:
        found = config.parse(json.dumps({**PLAIN, name: value}).encode())
    except ArchiveError:
        return
    assert isinstance(found, ImageConfig)


def test_unknown_fields_are_kept():
    given_ = {**PLAIN, "variant": "v8", "config": {"Hostname": "fish", "Env": ["A=1"]}}
    found = config.parse(json.dumps(given_).encode())
    assert found.other == {"variant": "v8"}
    assert found.config.other == {"Hostname": "fish"}
    assert json.loads(found.to_bytes()) == given_


def test_an_empty_command_is_another_than_none():
    empty = config.parse(json.dumps({**PLAIN, "config": {"Cmd": [], "Entrypoint": []}}).encode())
    assert (empty.config.cmd, empty.config.entrypoint) == ((), ())
    assert json.loads(empty.to_bytes())["config"] == {"Cmd": [], "Entrypoint": []}
    nothing = config.parse(json.dumps({**PLAIN, "config": {"Cmd": None, "Env": None, "Volumes": None}}).encode())
    assert nothing.config == ContainerConfig()


@pytest.mark.parametrize("diff_ids", [{}, {"diff_ids": None}, {"diff_ids": []}])
def test_a_config_without_layers_is_one(diff_ids):
    assert config.parse(json.dumps({**PLAIN, "rootfs": {"type": "layers", **diff_ids}}).encode()).diff_ids == ()


@pytest.mark.parametrize("name", ["architecture", "os", "rootfs"])
@pytest.mark.parametrize("said", [{}, {"there": None}])
def test_a_config_without_what_the_specification_needs_is_none(name, said):
    given_ = {key: value for key, value in PLAIN.items() if key != name} | ({name: None} if said else {})
    with pytest.raises(ArchiveError, match=name):
        config.parse(json.dumps(given_).encode())


@pytest.mark.parametrize("of_type", [{}, {"type": None}, {"type": "layers+base"}, {"type": "x" * 900}])
def test_a_root_file_system_of_an_unknown_type_is_refused(of_type):
    with pytest.raises(ArchiveError, match="unknown type") as caught:
        config.parse(json.dumps({**PLAIN, "rootfs": {"diff_ids": [], **of_type}}).encode())
    assert len(caught.value.message) < 100


def test_undecodable_bytes_survive():
    written = ImageConfig(architecture="amd64", os="linux", config=ContainerConfig(env=("A=\udcff",))).to_bytes()
    assert rb"A=\udcff" in written
    assert config.parse(written).config.env == ("A=\udcff",)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"os": 123}, "os is not a string"),
        ({"created": []}, "created is not a string"),
        ({"variant": 8}, "variant is not a string"),
        ({"os.version": 10}, "os.version is not a string"),
        ({"os.features": "win32k"}, "os.features is not a list of strings"),
        ({"config": None}, None),
        ({"config": []}, "config is not a JSON object"),
        ({"config": [1]}, "config is not a JSON object"),
        ({"config": {"Env": [7353]}}, "Env is not a list of strings"),
        ({"config": {"Env": "A=1"}}, "Env is not a list of strings"),
        ({"config": {"Env": ["foo"]}}, "an Env item has no ="),
        ({"config": {"Volumes": ["/v"]}}, "Volumes is not a JSON object"),
        ({"config": {"ExposedPorts": ["80"]}}, "ExposedPorts is not a JSON object"),
        ({"config": {"Volumes": {"/v": 1}}}, "a value in Volumes is not a JSON object"),
        ({"config": {"Labels": ["a"]}}, "Labels is not a JSON object"),
        ({"config": {"Labels": {"a": 5}}}, "Labels has a value that is not a string"),
        ({"config": {"ArgsEscaped": "yes"}}, "ArgsEscaped is neither true nor false"),
        ({"config": {"Healthcheck": []}}, "Healthcheck is not a JSON object"),
        ({"config": {"User": 0}}, "User is not a string"),
        ({"config": {"Cmd": "true"}}, "Cmd is not a list of strings"),
        ({"rootfs": "x"}, "rootfs is not a JSON object"),
        ({"rootfs": {"type": "layers", "diff_ids": DIFF_ID}}, "diff_ids is not a list of strings"),
        ({"rootfs": {"type": "layers", "diff_ids": ["sha256:../.."]}}, "not a digest"),
        ({"history": {"a": 1}}, "history is not a list"),
        ({"history": ["x"]}, "a history row is not a JSON object"),
        ({"history": [{"created_by": 5}]}, "created_by is not a string"),
        ({"history": [{"empty_layer": 1}]}, "empty_layer is neither true nor false"),
        ({"history": {}}, "history is not a list"),
    ],
)
def test_a_field_of_a_wrong_type_is_named(fields, says):
    data = json.dumps({**PLAIN, **fields}).encode()
    if says is None:
        assert config.parse(data).config == ContainerConfig()
        return
    with pytest.raises(ArchiveError, match=says):
        config.parse(data)


@pytest.mark.parametrize("data", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b'{"a":1', b"NaN {"])
def test_what_is_not_json_is_told(data):
    with pytest.raises(ArchiveError, match="not JSON"):
        config.parse(data)


def test_a_row_is_appended_with_its_layer_or_without():
    base = ImageConfig(architecture="amd64", os="linux")
    one = base.appended(DIFF_ID, History(created_by="RUN x"))
    two = one.appended(None, History(created_by="ENV A=1", empty_layer=True))
    assert two.diff_ids == (DIFF_ID,)
    assert [row.created_by for row in two.history] == ["RUN x", "ENV A=1"]
    assert base.history == ()
    assert json.loads(two.to_bytes())["history"] == [
        {"created_by": "RUN x"},
        {"created_by": "ENV A=1", "empty_layer": True},
    ]
