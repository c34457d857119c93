from __future__ import annotations

import pytest

from dockmagic.engine.mount_values import Device, Volume, device, mount, volume
from dockmagic.exchange import sizes
from dockmagic.magics import limit_values, policy_values


@pytest.mark.parametrize(
    ("text", "binary", "decimal"),
    [
        ("32", 32, 32),
        ("32b", 32, 32),
        ("1.5k", 1536, 1500),
        ("2KiB", 2048, 2000),
        ("1 mb", 1 << 20, 10**6),
        ("3G", 3 << 30, 3 * 10**9),
        ("1TIB", 1 << 40, 10**12),
        ("1p", 1 << 50, 10**15),
        ("-0 B", 0, 0),
        ("0 ", 0, 0),
        (".5k", 512, 500),
    ],
)
def test_sizes(text, binary, decimal):
    assert (sizes.binary(text), sizes.decimal(text)) == (binary, decimal)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ".",
        ". ",
        "hello",
        "-1",
        "-1k",
        "1x",
        "1bm",
        "1kbb",
        "1kb b",
        "1.2.3",
        "1  k",
        "0x1p3",
        "9e99",
        "1" * 90,
        "1e3",
        "infk",
        "1k1",
    ],
)
def test_no_sizes(text):
    with pytest.raises(ValueError, match=r"[a-z]"):
        sizes.binary(text)


def test_a_limit_of_nothing_is_none():
    assert limit_values.size("1.5g") == 1610612736
    with pytest.raises(ValueError, match="more than nothing"):
        limit_values.size("0")


def test_a_mount_with_everything():
    found = mount('type=BIND,src=/a,"dst=/b,c",ro,bind-propagation=RSLAVE,bind-recursive=disabled,consistency=cached')
    assert (found.type, found.source, found.target, found.readonly, found.consistency) == (
        "bind",
        "/a",
        "/b,c",
        True,
        "cached",
    )
    assert found.options == {"bind-propagation": "rslave", "bind-recursive": "disabled"}
    found = mount("target=/v,volume-label=a=b=c,volume-label=d,volume-opt=o=p,volume-nocopy,readonly=0")
    assert (found.type, found.labels, found.driver_options, found.readonly) == (
        "volume",
        {"a": "b=c", "d": ""},
        {"o": "p"},
        False,
    )
    assert found.options["volume-nocopy"] is True
    assert mount("type=tmpfs,target=/t,tmpfs-size=1k,tmpfs-mode=1777").options == {
        "tmpfs-size": 1024,
        "tmpfs-mode": 0o1777,
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("type=bind,source=/a", "target is required"),
        ('type=bind,"target=/a', "no line of comma-separated values"),
        ("type=bind,target=/a\nb", "."),
        ("type=tmpfs,target=/t,tmpfs-mode=9", "invalid value for tmpfs-mode: 9"),
        ("type=tmpfs,target=/t,tmpfs-mode=777777777777", "invalid value for tmpfs-mode"),
        ("type=tmpfs,target=/t,image-subpath=x", r"cannot mix 'image-\*' options with mount type 'tmpfs'"),
        ("type=bind,target=/t,bind-recursive=x", "invalid value for bind-recursive"),
        ("type=bind,target=/t,bind-recursive=readonly", "requires 'readonly'"),
        ("type=bind,target=/t,ro,bind-recursive=readonly", "requires 'bind-propagation=rprivate'"),
        ("type=bind,target=/t,bind-nonrecursive", "is deprecated"),
        ("type=bind,target=/t,volume-nocopy=maybe", "invalid boolean value"),
    ],
)
def test_wrong_mounts(text, reason):
    with pytest.raises(ValueError, match=reason):
        mount(text)


def test_volumes_and_devices():
    assert volume("/t") == Volume("", "/t", ())
    assert volume("/s:/t:ro,Z") == Volume("/s", "/t", ("ro", "Z"))
    for wrong in ("", ":/t", "/s:", "/s:/t:ro:x", "/s::ro"):
        with pytest.raises(ValueError, match=r"it is no \[SOURCE:\]TARGET"):
            volume(wrong)
    assert device("/dev/x:/y:r") == Device("/dev/x", "/y", "r")
    assert device("/dev/x:mw") == Device("/dev/x", "/dev/x", "mw")
    with pytest.raises(ValueError, match="bad mode specified: rr"):
        device("/a:/b:rr")


def test_policies():
    assert policy_values.restart("on-failure:3") == ("on-failure", 3)
    assert policy_values.swap("-1") == -1
    assert policy_values.swap("1g") == 1 << 30
    assert policy_values.pid_mode("container:x") == "container:x"
    assert policy_values.label(" a=b c") == " a=b c"
    assert policy_values.label_pair("a=b=c") == ("a", "b=c")
    assert policy_values.label_pair("a") == ("a", "")
    for read, wrong in (
        (policy_values.restart, ":1"),
        (policy_values.restart, "no:x"),
        (policy_values.swap, "-2"),
        (policy_values.pid_mode, "container:"),
        (policy_values.uts_mode, "x"),
        (policy_values.label, "=x"),
        (policy_values.label, "a b=c"),
    ):
        with pytest.raises(ValueError, match=r"[a-z]"):
            read(wrong)


def test_capabilities_come_together():
    assert policy_values.capability(" net_raw ") == "CAP_NET_RAW"
    assert policy_values.added_and_dropped(["chown", "CAP_KILL"], ["ALL"]) == (["CAP_CHOWN", "CAP_KILL"], ["ALL"])
    assert policy_values.added_and_dropped(["all", "kill"], ["kill", "chown"]) == (["ALL"], ["CAP_CHOWN", "CAP_KILL"])
    assert policy_values.added_and_dropped(["kill"], ["CAP_KILL", "chown"]) == (["CAP_KILL"], ["CAP_CHOWN"])
    assert policy_values.capability("reset") == "RESET"
    assert policy_values.added_and_dropped(["RESET", "kill"], ["reset", "all"]) == (["CAP_KILL"], ["ALL"])
