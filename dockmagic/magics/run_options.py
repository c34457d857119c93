"""The options of a run, and of a script in a container that is there; see :mod:`dockmagic.magics.options`."""

from __future__ import annotations

from dockmagic.builder import option_values
from dockmagic.magics import limit_values, policy_values, values
from dockmagic.magics.options import Option, later, one_of, refused

_PROCESS = (
    Option(
        names=("-e", "--env"),
        value="KEY=VALUE",
        read=values.named,
        many=True,
        help="a variable; KEY alone takes the notebook's value",
    ),
    Option(names=("--env-file",), value="PATH", read=values.filled, many=True, help="variables, one a line"),
    Option(names=("-w", "--workdir"), value="DIRECTORY", default="", help="the directory to start in"),
    Option(names=("-u", "--user"), value="USER", default="", help="name or id, and group: bob, 1000:1000"),
)

_TIMEOUT = Option(names=("--timeout",), value="TIME", read=values.seconds, help="end it after that time: 20s, 1m30s")
_SCRIPT = (
    Option(names=("--interp",), value="COMMAND", read=values.filled, help='what reads the script: "python3 -u"'),
    _TIMEOUT,
    Option(names=("--stdin",), value="VAR", read=values.variable, help="its input: a variable's value, as --in has it"),
    Option(
        names=("--in",),
        value="NAMES",
        read=values.inputs,
        many=True,
        raw=True,
        help="variables as files in /run/dockmagic/in, scalars also as $NAME; or NAME=EXPR",
    ),
    Option(
        names=("--get",),
        value="PATH=VAR",
        read=values.output,
        many=True,
        help="afterwards: a file or directory of the container as a variable",
    ),
)

_CONTAINER = (
    Option(names=("--name",), value="NAME", read=values.filled, default="", help="name the container and keep it"),
    Option(names=("--keep",), help="keep the container under a name made for it"),
    Option(
        names=("--rm",),
        help="remove the container afterwards: the default without --name, --keep, --bg, --detach",
    ),
    Option(
        names=("-v", "--volume"),
        value="[SOURCE:]TARGET[:ro]",
        read=values.filled,
        many=True,
        help="a directory or file of this machine (./dir:/d), or a volume (name:/d)",
    ),
    Option(
        names=("--mount",),
        value="OPTIONS",
        read=values.filled,
        many=True,
        help="the same in docker's words: type=volume,src=cache,dst=/c,readonly",
    ),
    Option(
        names=("--volumes-from",),
        value="CONTAINER[:ro]",
        read=values.filled,
        many=True,
        help="what another container has mounted",
    ),
    Option(names=("--entrypoint",), value="COMMAND", help="in place of the image's ENTRYPOINT"),
)

_LIMITS = (
    Option(
        names=("-m", "--memory"),
        value="SIZE",
        read=limit_values.memory,
        default=0,
        help="what all its processes together may use: 256m, 1g",
    ),
    Option(names=("--cpus",), value="NUMBER", read=limit_values.cpus, default=0.0, help="how many processors: 1.5"),
    Option(
        names=("--pids-limit",),
        value="COUNT",
        read=limit_values.pids,
        default=512,
        help="processes and threads (default 512), -1 for any number",
    ),
    Option(
        names=("--disk",),
        value="SIZE",
        read=limit_values.size,
        default=0,
        help="what its writable layer may take on disk: 200m",
    ),
    Option(
        names=("--shm-size",), value="SIZE", read=limit_values.size, default=64 << 20, help="of /dev/shm (default 64m)"
    ),
    Option(
        names=("--ulimit",),
        value="NAME=SOFT[:HARD]",
        read=limit_values.ulimit,
        many=True,
        help="a limit of each process: nofile=1024:4096",
    ),
)
# Of each RUN of a build; in the cell that also runs they are the run's.
STEP_LIMITS = (*_LIMITS, _TIMEOUT)
_PROFILE = (
    Option(names=("--untrusted",), help="no capability at all: for hostile code"),
    Option(names=("--cap-add",), value="NAME", read=values.filled, many=True, help="keep one more capability, or ALL"),
    Option(names=("--cap-drop",), value="NAME", read=values.filled, many=True, help="keep one less, or none: ALL"),
    Option(
        names=("--security-opt",),
        value="OPTION",
        read=values.filled,
        many=True,
        help="seccomp=FILE: refuse more calls; no-new-privileges=false: set-user-ID programs work",
    ),
    Option(names=("--read-only",), help="nothing can be written but to volumes and memory"),
    Option(
        names=("--tmpfs",),
        value="PATH[:OPTIONS]",
        read=values.filled,
        many=True,
        help="a file system in memory: size=64m, mode=1777, exec, ro",
    ),
    Option(
        names=("--group-add",),
        value="GROUP",
        read=values.filled,
        many=True,
        help="one more group, by name or id, that the user is in",
    ),
    Option(
        names=("--sysctl",),
        value="NAME=VALUE",
        read=values.filled,
        many=True,
        help="a setting of the kernel that a container has for itself: net.ipv4.ip_forward=1",
    ),
    Option(
        names=("--cidfile",),
        value="PATH",
        read=values.filled,
        default="",
        help="write the container's id to a new file",
    ),
    Option(
        names=("--stop-signal",),
        value="SIGNAL",
        read=values.filled,
        default="",
        help="what stop sends it first (default: the image's)",
    ),
    Option(
        names=("--stop-timeout",), value="SECONDS", read=values.patience, help="how long stop waits then (default 10)"
    ),
    Option(names=("--init",), help="PID 1 starts the script and waits for orphans"),
    Option(names=("-h", "--hostname"), value="NAME", default="", help="its host name (default: of its own name)"),
)
BACKGROUND = (
    Option(names=("--bg",), help="go on beside the notebook and end with it; what it prints goes to its log alone"),
    Option(names=("-d", "--detach"), help="go on without the notebook too: a process of its own owns it"),
    Option(names=("--proc",), value="VAR", read=values.variable, help="with --bg: a handle to wait for it or end it"),
)
_OUTPUT_LIMIT = Option(
    names=("--output-limit",),
    value="SIZE",
    read=limit_values.size,
    default=16 << 20,
    help="cut what it prints after so much (default 16m)",
)

_LABEL_FILE = Option(
    names=("--label-file",), value="PATH", read=values.filled, many=True, help="the container's labels, one a line"
)
RUN = (*_CONTAINER, _LABEL_FILE, *_PROCESS, *_SCRIPT, *_LIMITS, *_PROFILE, _OUTPUT_LIMIT, *BACKGROUND)
EXEC = (*_PROCESS, *_SCRIPT, _OUTPUT_LIMIT, Option(names=("--running",), help="refuse a container that has ended"))

# The cell that builds first has options of the build by these names.
RUN_ONLY = (
    Option(
        names=("--add-host",), value="NAME:ADDRESS", read=option_values.host, many=True, help="a line of /etc/hosts"
    ),
    Option(
        names=("-l", "--label"),
        value="KEY=VALUE",
        read=policy_values.label_pair,
        many=True,
        help="kept with the container",
    ),
    Option(
        names=("--pull",),
        value="WHEN",
        read=one_of("missing", "always", "never"),
        default="missing",
        help="whether its registry is asked for the image: missing (the default), always, never",
    ),
    Option(
        names=("--platform",),
        value="PLATFORM",
        read=values.filled,
        default="",
        help="which of a name's images: linux/amd64; another machine's wants an emulator",
    ),
)
RUN_LATER = (
    *later("--memory-reservation= --memory-swappiness="),
    *refused(
        "--privileged", "a container never has more than its user; --cap-add and --security-opt give single rights"
    ),
    *refused("--device= --gpus= --device-cgroup-rule=", "no device of this machine is given to a container"),
    *refused("--restart=", "nothing starts a container again; loop in the script"),
    *refused("--pid= --ipc= --uts= --userns= --cgroupns=", "every container has namespaces of its own"),
    *refused("--memory-swap=", "-m counts what is swapped out too"),
    *refused(
        "--cpuset-cpus= --cpuset-mems= -c|--cpu-shares= --cpu-period= --cpu-quota=", "--cpus says how much it may have"
    ),
    *refused(
        "--oom-kill-disable --oom-score-adj= --blkio-weight= --blkio-weight-device= --cgroup-parent= --kernel-memory="
        " --device-read-bps= --device-read-iops= --device-write-bps= --device-write-iops= --cpu-rt-period= --cpu-rt-runtime=",
        "limits are -m, --cpus, --pids-limit, --disk",
    ),
    *refused("--log-driver= --log-opt=", "what a container prints is kept in the store; %container logs shows it"),
    *refused(
        "--volume-driver= --storage-opt=", "volumes and layers are directories of the store; --disk limits the layer"
    ),
    *refused("--runtime= --isolation=", "there is one runtime"),
    *refused(
        "--cpu-count= --cpu-percent= --io-maxbandwidth= --io-maxiops=",
        "containers of Windows have that; here it is --cpus",
    ),
    *refused("--domainname=", "-h gives the whole name: -h web.example.org"),
    *refused("--annotation=", "--label describes a container"),
    *refused("--disable-content-trust", "signatures are not looked at"),
    *refused("--use-api-socket", "there is no daemon"),
    *refused(
        "-a|--attach= --sig-proxy= --detach-keys=", "a cell shows what its script prints, and an interrupt ends it"
    ),
)
EXEC_LATER = later("-d|--detach --privileged --bg --proc= --detach-keys=")
EXEC_FIXED = tuple(
    Option(names=names, value="VALUE", absent="a container keeps what it was created with; give it to run")
    for names in (("--network",), ("-v", "--volume"), ("--name",), ("--entrypoint",), ("-p", "--publish"), ("--dns",))
)
