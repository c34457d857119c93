"""Packages that courses install, each in a build of its own on a Debian minbase; and what else writes other owners. Run by hand.

    mmdebstrap --variant=minbase bookworm /tmp/minbase.tar /etc/apt/sources.list.d/debian.sources
    python benchmarks/debian_packages.py [--json FILE] /tmp/minbase.tar [NAME…]

The images go to ``$DOCKMAGIC_HOME``, as ever. RUN uses the host's network, and the package sources are those of the tar. A row says
whether the step ended well, and if not how its output ended. Packages are installed without what they only recommend, and removed with their
image before the next one, so that the disk holds one at a time.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from dockmagic.engine.engine import Engine
from dockmagic.errors import BuildError, DockmagicError

PACKAGES = tuple(
    """
    python3 python3-pip python3-venv python3-dev python3-numpy python3-matplotlib git curl wget ca-certificates
    build-essential gcc make cmake gdb valgrind strace vim-tiny nano less man-db openssh-client openssh-server rsync
    unzip xz-utils tree htop procps iproute2 iputils-ping net-tools bind9-dnsutils netcat-openbsd tcpdump jq sqlite3
    postgresql mariadb-server redis-server nginx apache2 php-cli nodejs ruby default-jdk-headless golang-go r-base-core
    graphviz sudo tmux locales
    """.split()  # noqa: SIM905 - words, not a page of quotes
)
INSTALL = "apt-get install -y --no-install-recommends"
# What else changes owners or users, each as the lines of a Dockerfile behind the base.
WORKS = {
    "dpkg -i": "RUN cd /tmp && apt-get download hello && dpkg -i hello*.deb && hello",
    "useradd, groupadd, usermod": "RUN groupadd crew && useradd -m -g crew bob && usermod -aG users bob && id bob",
    "userdel with -r": "RUN useradd -m bob && userdel -r bob && test ! -e /home/bob",
    "adduser": f"RUN {INSTALL} adduser && adduser --disabled-password --gecos '' eve && test -d /home/eve",
    "chown -R, install -o": "RUN mkdir /x && touch /x/y && chown -R 33:33 /x && install -o 1 -g 2 -m 640 /x/y /x/z",
    "tar x of other owners": (
        "RUN mkdir /s && touch /s/a /s/b && chown 1000:1000 /s/a && chown 33:34 /s/b && tar cf /s.tar -C /s . && mkdir /t"
        " && tar xpf /s.tar -C /t"
    ),
    "rsync -a": f"RUN {INSTALL} rsync && mkdir /s && touch /s/a && chown 33:34 /s/a && rsync -a /s/ /t/ && test -f /t/a",
    "cp -a": "RUN mkdir /s && touch /s/a && chown 33:34 /s/a && cp -a /s /t",
    "setcap": f"RUN {INSTALL} libcap2-bin && cp /bin/true /cap && setcap cap_net_bind_service+ep /cap && getcap /cap",
    # of a directory: what is tried is the installer, not somebody's index
    "pip install": (
        f"RUN {INSTALL} python3-pip python3-setuptools python3-wheel\n"
        "COPY <<E /p/setup.py\nfrom setuptools import setup\nsetup(name='mine', version='1', py_modules=['mine'])\nE\n"
        "COPY <<E /p/mine.py\nE\n"
        "RUN pip install --break-system-packages --no-index --no-build-isolation /p && python3 -c 'import mine'"
    ),
    "npm install": (
        f"RUN {INSTALL} npm\n"
        'COPY <<E /p/package.json\n{"name": "mine", "version": "1.0.0", "main": "i.js"}\nE\nCOPY <<E /p/i.js\nE\n'
        "RUN mkdir /app && cd /app && npm install --offline --no-audit /p && node -e \"require('mine')\""
    ),
    "initdb as USER postgres": (
        f"RUN {INSTALL} postgresql && rm -rf /var/lib/postgresql/data && install -d -o postgres -g postgres -m 700 /var/lib/postgresql/data\n"
        "USER postgres\n"
        "RUN d=$(ls -d /usr/lib/postgresql/*/bin) && $d/initdb -D /var/lib/postgresql/data"
        " && $d/pg_ctl -D /var/lib/postgresql/data -w -o '-k /tmp' start && psql -h /tmp -c 'select 1' postgres"
    ),
    "su in a step": "RUN useradd -m bob && su bob -c 'id -u'",
    "setpriv in a step": "RUN useradd -m bob && setpriv --reuid=bob --regid=bob --clear-groups id -u",
    "USER of an image": "RUN useradd -m bob\nUSER bob\nRUN id -u && touch ~/mine",
    "rpm -i": (
        f"RUN {INSTALL} rpm\n"
        "COPY <<'E' /r/SPECS/x.spec\nName: x\nVersion: 1\nRelease: 1\nSummary: x\nLicense: x\nBuildArch: noarch\n%description\nx\n"
        "%install\nmkdir -p %{buildroot}/opt; echo hi > %{buildroot}/opt/x\n%files\n%attr(640,root,mail) /opt/x\nE\n"
        "RUN rpmbuild --define '_topdir /r' -bb /r/SPECS/x.spec && rpm -i --nodeps /r/RPMS/noarch/x*.rpm && test -f /opt/x"
    ),
}


def tried(engine: Engine, name: str, lines: str) -> dict[str, object]:
    """One build, its image removed again."""
    begin = time.monotonic()
    try:
        built = engine.build(f"FROM site\n{lines}\n", network="host")
    except BuildError as error:
        said = [line for line in error.log.splitlines() if line.strip()][-6:]
        found: dict[str, object] = {"name": name, "ok": False, "said": said}
        if error.container:
            engine.rm(error.container, force=True)
    else:
        found = {"name": name, "ok": True, "bytes": sum(layer.size for layer in built.image.layers[2:])}
        engine.rmi(built.image.id, force=True)
    engine.prune()
    return {**found, "seconds": round(time.monotonic() - begin, 1)}


def main() -> None:
    """Try what is named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tar")
    parser.add_argument("--json", type=Path)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    engine = Engine()
    engine.import_(options.tar, "debian:minbase")
    engine.build(
        "FROM debian:minbase\nENV DEBIAN_FRONTEND=noninteractive\nRUN apt-get update\n", tags="site", network="host"
    )
    print(f"{engine.session.runtime.isolation.tier}, {engine.session.runtime.isolation.ids}")
    wanted = {name: f"RUN {INSTALL} {name}" for name in PACKAGES} | WORKS
    results = []
    for name in options.names or wanted:
        try:
            results.append(tried(engine, name, wanted[name]))
        except DockmagicError as error:
            results.append({"name": name, "ok": False, "said": [str(error)]})
        print(json.dumps(results[-1]), flush=True)
        if options.json:
            options.json.write_text(json.dumps(results, indent=1))
    engine.close()


if __name__ == "__main__":
    main()
