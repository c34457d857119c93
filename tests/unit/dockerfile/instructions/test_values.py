"""Flags, devices, ports, durations and their like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockmagic.dockerfile.instructions.devices import Device, parse_device
from dockmagic.dockerfile.instructions.flags import Kind, parse_flags
from dockmagic.dockerfile.instructions.ports import exposed_ports
from dockmagic.dockerfile.instructions.quantities import (
    format_duration,
    parse_boolean,
    parse_duration,
    parse_int32,
    parse_number,
    parse_size,
)
from dockmagic.dockerfile.instructions.suggestion import did_you_mean
from dockmagic.errors import DockerfileError

KINDS = {"text": Kind.TEXT, "many": Kind.TEXTS, "switch": Kind.SWITCH}


def test_flags_of_every_kind():
    flags = parse_flags(("--many=1", "--text=", "--switch", "--many=2=3"), KINDS)
    assert (flags.text("text", "unset"), flags.texts("many"), flags.switch("switch")) == ("", ("1", "2=3"), True)
    assert flags.used == ("many", "text", "switch")


def test_flags_that_are_not_given():
    flags = parse_flags((), KINDS)
    assert (flags.text("text", "unset"), flags.texts("many"), flags.switch("switch")) == ("unset", (), None)


def test_two_dashes_end_the_flags():
    assert parse_flags(("--switch=FALSE", "--", "--unknown"), KINDS).switch("switch") is False


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--other",), "unknown flag: --other"),
        (("--swich",), r"unknown flag: --swich \(did you mean switch\?\)"),
        (("--text",), "missing a value on flag: --text"),
        (("--many",), "missing a value on flag: --many"),
        (("--switch=",), "missing a value on flag: --switch"),
        (("--switch=yes",), "expecting boolean value for flag --switch, not: yes"),
        (("--text=1", "--text=2"), "duplicate flag specified: --text"),
        (("text",), "arg should start with -- : text"),
    ],
)
def test_bad_flags(words, reason):
    with pytest.raises(DockerfileError, match=reason):
        parse_flags(words, KINDS)


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("gpu", Device(name="gpu")),
        ("name=gpu,required", Device(name="gpu", required=True)),
        ("vendor.com/gpu=all,required=false", Device(name="vendor.com/gpu=all")),
    ],
)
def test_devices(text, device):
    assert parse_device(text) == device


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a,name=b", "device name already set to a"),
        ("a,b", "invalid field 'b' must be a key=value pair"),
        ("a,requird=1", r"unexpected key 'requird' in 'requird=1' \(did you mean required\?\)"),
        ("a,required=maybe", "invalid value for required: maybe"),
        ("", "failed to parse csv devices"),
    ],
)
def test_bad_devices(text, reason):
    with pytest.raises(DockerfileError, match=reason):
        parse_device(text)


@pytest.mark.parametrize(
    ("specs", "ports"),
    [
        (["80"], ("80/tcp",)),
        (["80/UDP", "80/udp", "81"], ("80/udp", "81/tcp")),
        (["8000-8002/sctp"], ("8000/sctp", "8001/sctp", "8002/sctp")),
        (["127.0.0.1:1:2", "[::1]:3:4", "5:6", "7-9:8"], ("2/tcp", "4/tcp", "6/tcp", "8/tcp")),
    ],
)
def test_ports(specs, ports):
    assert exposed_ports(specs) == ports


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("", '^invalid port: "": no port specified$'),
        ("/tcp", "no port specified"),
        ("http", "invalid containerPort: http"),
        ("65536", "invalid containerPort: 65536"),
        ("2-1", "invalid containerPort: 2-1"),
        ("9" * 9_999, "invalid containerPort"),
        ("80/ICMP", '^invalid port: "80/ICMP": invalid proto: ICMP$'),
        ("host:1:x/icmp", "invalid proto: icmp"),
        ("host:1:", "no port specified"),
        ("host:1:x", "invalid IP address: host"),
        ("x:80", "invalid hostPort: x"),
        ("1-3:1-2", "invalid ranges specified"),
        ("host:1:2", "invalid IP address: host"),
        ("[::1:1:2", "invalid IP address"),
    ],
)
def test_bad_ports(spec, reason):
    with pytest.raises(DockerfileError, match=reason):
        exposed_ports([spec])


def test_too_many_ports():
    with pytest.raises(DockerfileError, match="too many ports"):
        exposed_ports(["1-65535"] * 100)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [("0", 0), ("1s", 10**9), ("1.5m", 90 * 10**9), ("1h2m3s", 3723 * 10**9), ("-1ms", -(10**6)), ("1µs", 1000)],
)
def test_durations(text, nanoseconds):
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        *((text, "invalid duration") for text in ("", "s", "--1s", "+", ".s", "9" * 30 + "h", "9" * 99 + "s")),
        ("1", 'missing unit in duration "1"'),
        ("1m5", 'missing unit in duration "1m5"'),
        ("1x", 'unknown unit "x" in duration "1x"'),
        ("1 s", 'unknown unit " s" in duration "1 s"'),
        ("1e3s", 'unknown unit "e" in duration "1e3s"'),
    ],
)
def test_bad_durations_are_told_in_gos_words(text, reason):
    with pytest.raises(DockerfileError, match=f"^time: {reason}"):
        parse_duration(text)


@pytest.mark.parametrize(
    "text", ["0s", "1ns", "250ms", "1.5s", "5s", "1m0s", "1m30s", "1h0m0s", "26h3m4.000000005s", "1.5µs"]
)
def test_durations_are_written_as_go_writes_them(text):
    assert format_duration(parse_duration(text)) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x", "invalid syntax"),
        ("1.5", "invalid syntax"),
        ("2147483648", "value out of range"),
        ("9" * 99, "value out of range"),
    ],
)
def test_bad_numbers_are_told_in_gos_words(text, reason):
    with pytest.raises(DockerfileError, match=f'^strconv.ParseInt: parsing "{text[:40]}": {reason}'):
        parse_int32(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [("1", 1), ("2k", 2048), ("1.5MiB", 1_572_864), ("3 gb", 3 * 1024**3), ("x", None), ("", None), ("-1", None)],
)
def test_sizes(text, size):
    assert parse_size(text) == size


def test_booleans_and_numbers():
    assert [parse_boolean(text) for text in ("1", "True", "f", "yes")] == [True, True, False, None]
    assert [parse_number(text) for text in ("0", "4294967295", "4294967296", "-1", "", "٣")] == [
        0,
        2**32 - 1,
        *[None] * 4,
    ]
    assert [parse_number(text, 8) for text in ("0755", "8")] == [0o755, None]


@pytest.mark.parametrize(
    ("word", "answer"),
    [
        ("FORM", " (did you mean FROM?)"),
        ("copyy", " (did you mean copy?)"),
        ("COPY", ""),
        ("XYZZY", ""),
        ("x" * 999, ""),
    ],
)
def test_suggestions(word, answer):
    assert did_you_mean(word, ("FROM", "COPY"), any_case=True) == answer


@given(st.text(max_size=80))
def test_values_never_raise_anything_else(text):
    for parse in (parse_duration, parse_device, lambda spec: exposed_ports([spec])):
        try:
            parse(text)
        except DockerfileError as error:
            reason = str(error)
        else:
            reason = "none"
        assert reason
