from __future__ import annotations

import pytest

from dockmagic.dockerfile.instructions.mounts import Mount, parse_mount
from dockmagic.errors import DockerfileError


@pytest.mark.parametrize(
    ("text", "mount"),
    [
        ("target=/a", {"target": "/a"}),
        ("type=bind,from=x,src=/s,dst=/d,rw", {"from_": "x", "source": "/s", "target": "/d", "read_only": False}),
        ("type=bind,destination=/d,rw=false", {"target": "/d", "read_only": True}),
        ("type=cache,target=/c,id=k,sharing=LOCKED", {"type": "cache", "target": "/c", "id": "k", "sharing": "locked"}),
        ("type=cache,target=/c,ro", {"type": "cache", "target": "/c", "read_only": True}),
        ("type=cache,target=/c,readonly=0,uid=1,gid=2,mode=0755", {"type": "cache", "target": "/c"}),
        ("type=tmpfs,target=/t,size=1.5k", {"type": "tmpfs", "target": "/t", "size": 1536}),
        ("type=secret,id=s,required,env=S", {"type": "secret", "id": "s", "required": True, "env": "S"}),
        ("TYPE=SSH,required=false,mode=600", {"type": "ssh", "mode": 0o600}),
        ('"target=/a,b"', {"target": "/a,b"}),
    ],
)
def test_fields(text, mount):
    parsed = parse_mount(text)
    assert {name: getattr(parsed, name) for name in mount} == mount
    assert not parsed.pending


def test_caches_and_tmpfs_are_writable_by_default():
    writable = {
        kind for kind in ("bind", "cache", "tmpfs", "ssh") if not parse_mount(f"type={kind},target=/x").read_only
    }
    assert writable == {"cache", "tmpfs"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "failed to parse csv mounts: EOF"),
        ('"a', "failed to parse csv mounts"),
        ("type=cash", 'unsupported mount type "cash"'),
        ("type=cachee", r"\(did you mean cache\?\)"),
        ("target", "invalid field 'target' must be a key=value pair"),
        ("taget=/a", r"unexpected key 'taget' in 'taget=/a' \(did you mean target\?\)"),
        ("ro=maybe", "invalid value for ro: maybe"),
        ("required", "unexpected key 'required' for mount type 'bind'"),
        ("type=secret,id=a,required=maybe", "invalid value for required: maybe"),
        ("size=1", "unexpected key 'size' for mount type 'bind'"),
        ("type=tmpfs,size=big", "invalid value for size: big"),
        ("type=cache,mode=9", "invalid value 9 for mode"),
        ("type=cache,uid=-1", "invalid value -1 for uid"),
        ("type=cache,sharing=some", 'unsupported sharing value "some"'),
        ("mode=755", 'mode not allowed for "bind" type mounts'),
        ("type=tmpfs,uid=1", 'uid not allowed for "tmpfs" type mounts'),
        ("env=A", "env not allowed for bind mounts"),
        ("sharing=locked", "invalid cache sharing set for bind mount"),
        ("type=secret", "one of source, target required"),
        ("type=secret,from=a", "secret mount should not have a from"),
        ("type=secret,sharing=locked", "secret mount should not define sharing"),
        ("type=secret,source=a,id=b", "both source and id can't be set"),
        ("from=a$b", "'from' doesn't support variable expansion, define alias stage instead"),
    ],
)
def test_errors(text, reason):
    with pytest.raises(DockerfileError, match=reason):
        parse_mount(text)


def test_variables_wait_but_the_stage_is_known():
    mount = parse_mount("type=cache,from=base,target=/$X,mode=$Y")
    assert mount == Mount(text=mount.text, pending=True, type="cache", from_="base")


def test_variables_are_replaced_in_every_value():
    mount = parse_mount("type=$T,target=/$T", lambda value: value.replace("$T", "tmpfs"))
    assert (mount.type, mount.target, mount.pending) == ("tmpfs", "/tmpfs", False)
