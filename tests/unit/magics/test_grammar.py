from __future__ import annotations

import pytest

from dockmagic.errors import UsageError
from dockmagic.magics import grammar
from dockmagic.magics.absent import ABSENT
from dockmagic.magics.braces import filler
from dockmagic.magics.dispatch import CELLS
from dockmagic.magics.lines import LINES
from dockmagic.magics.verbs import CELL_VERBS, LINE_VERBS

VARIABLES = {"who": "Min ji", "n": 1, "ref": "bread:1", "sly": "--keep"}


def cell(line, *header):
    return grammar.parse(line, fill=filler(VARIABLES), cell=True, header=header)


def line(text):
    return grammar.parse(text, fill=filler(VARIABLES), cell=False)


def refused(parse, text, *header):
    with pytest.raises(UsageError) as caught:
        parse(text, *header)
    return str(caught.value)


def test_options_stand_on_both_sides_of_the_reference():
    command = cell("run -q bread:1 --name fish1 --out text")
    assert command.operands == ("bread:1",)
    assert (command.options["name"], command.options["out"], command.options["quiet"]) == ("fish1", "text", True)


@pytest.mark.parametrize("text", ["build -t a:1 -t b", "build --tag=a:1 --tag b", "build -ta:1 -t=b"])
def test_a_repeated_option_collects(text):
    assert cell(text).options["tag"] == ("a:1", "b")


def test_the_last_of_a_single_option_wins():
    assert cell("run bread --name a --name=b").options["name"] == "b"


def test_short_flags_combine_and_the_last_may_take_a_value():
    command = cell("-qt bread:1")
    assert command.options["quiet"]
    assert command.options["tag"] == ("bread:1",)


def test_a_flag_may_say_false():
    assert cell("build --no-cache=false .").options["no_cache"] is False
    assert cell("build --no-cache=true .").options["no_cache"] is True
    assert "neither true nor false" in refused(cell, "build --no-cache=maybe")


def test_words_behind_the_image_are_the_scripts():
    command = cell("run bread:1 one 'two words' --name x")
    assert command.arguments == ("one", "two words")
    assert command.options["name"] == "x"
    assert cell("run bread:1 -- -x --name y").arguments == ("-x", "--name", "y")
    assert cell("-t a -- -x one").arguments == ("-x", "one")


def test_on_a_line_everything_behind_the_image_is_the_command_as_in_docker():
    command = line("run --name x bread:1 --keep ls -l --color=never -- -e")
    assert command.operands == ("bread:1",)
    assert command.arguments == ("ls", "-l", "--color=never", "--", "-e")
    assert command.options["keep"]


def test_the_line_is_split_first_and_each_word_filled_alone():
    command = cell("build --build-arg WHO={who} --label 'a={n + 1}'")
    assert command.options["build_arg"] == ("WHO=Min ji",)
    assert command.options["label"] == (("a", "2"),)
    assert cell("run {ref} {who} $HOME $$x").arguments == ("Min ji", "$HOME", "$$x")


def test_a_value_never_becomes_an_option():
    command = cell("run {ref} {sly}")
    assert command.arguments == ("--keep",)
    assert command.options["keep"] is False


def test_an_undefined_name_is_an_error_that_names_it():
    assert '"nobody" is not defined' in refused(cell, "run bread:1 $HOME {nobody}")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("run bread --nmae x", "unknown option --nmae (did you mean --name?)"),
        ("rnu bread", 'unknown verb "rnu" (did you mean run?)'),
        ("build -Z", "unknown option -Z"),
        ("build -qZ", "unknown option -Z in -qZ"),
        ("run", "IMAGE is missing"),
        ("exec", "CONTAINER is missing"),
        ("build . ..", "too many words: .."),
        ("-t a b", "too many words: b"),
        ("run bread --name", "--name needs a value"),
        ("run bread --timeout soon", 'invalid argument "soon" for "--timeout" flag'),
        ("run bread --network moon", 'invalid argument "moon" for "--network" flag'),
        ("run bread --network container:", 'invalid argument "container:" for "--network" flag'),
        ("build --network container:web", "RUN shares no container's network"),
        ("run bread --mac-address 2:0:0:0:0:1", "each private network has one container"),
        ("run bread -e =x", 'invalid argument "=x" for "-e, --env" flag'),
        ("run bread --out my-out", 'invalid argument "my-out" for "--out" flag'),
        ("run bread 'x", "a quote is not closed"),
        ("run bread --name x \\", "cannot be continued"),
        ("search alpine", 'there is no "search" here'),
        ("ps", '"ps" is not for a whole cell'),
        ("build -f Dockerfile", "the cell is the Dockerfile"),
        ("exec fish1 --network host", "keeps what it was created with"),
        ("bread:1", 'unknown verb "bread:1"'),
        ("bread:1", "an image stands after run"),
        ("run bread --result class", "no name of a Python variable"),
    ],
)
def test_a_bad_cell_line_says_what_is_wrong(text, says):
    assert says in refused(cell, text)


@pytest.mark.parametrize(
    "text", ["-it bread", "run -it bread", "run -ti bread", "run -i bread", "run -t bread", "run --tty bread"]
)
def test_a_terminal_is_refused_with_a_hint(text):
    message = refused(cell, text)
    assert "no terminal" in message
    assert "--stdin VAR" in message


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("--memory-swap 1g", "-m counts what is swapped out too"),
        ("--device /dev/fuse", "no device of this machine"),
        ("--cpuset-cpus 0", "--cpus says how much"),
        ("--privileged", "--cap-add"),
        ("--restart always", "loop in the script"),
        ("--gpus all", "no device of this machine"),
        ("--sig-proxy x", "an interrupt ends it"),
        ("--pid host", "namespaces of its own"),
        ("--memory-reservation 1g", "not available yet"),
        ("--device-read-bps /dev/sda:1m", "limits are -m"),
        ("--domainname x", "-h gives the whole name"),
        ("--net-alias x", "each private network has one container"),
    ],
)
@pytest.mark.parametrize("form", ["run bread", ""])
def test_dockers_options_that_there_are_not_are_never_ignored(option, reason, form):
    message = refused(cell, f"{form} {option}")
    assert option.split()[0] in message
    assert reason in message


@pytest.mark.parametrize("name", ABSENT)
def test_a_verb_of_dockers_that_there_is_not_says_what_to_do(name):
    assert refused(line, f"{name} x") == f'there is no "{name}" here\n{ABSENT[name]}'


@pytest.mark.parametrize("text", ["run bread --net host", "run bread --net=host", "--net host"])
def test_an_older_name_is_taken_and_not_shown(text):
    assert cell(text).options["network"] == "host"
    assert 'for "--network" flag' in refused(cell, "run bread --net moon")


def test_option_lines_of_the_body_count_before_the_magic_line():
    command = cell("-t b --name here", "-t a --name there -e 'X=a b'", "--keep")
    assert command.options["tag"] == ("a", "b")
    assert command.options["name"] == "here"
    assert command.options["env"] == ("X=a b",)
    assert command.options["keep"]


def test_an_option_line_holds_options_only():
    assert "only options" in refused(cell, "run", "bread:1")
    assert "unknown option --nope" in refused(cell, "run bread", "--nope")


@pytest.mark.parametrize(
    "text",
    [
        "images --tree",
        "inspect --size bread",
        "history --human bread",
        "commit --pause fish1",
        "rmi --no-prune bread",
        "import --platform linux/arm64 x.tar",
    ],
)
def test_dockers_options_of_line_verbs_are_never_ignored(text):
    message = refused(line, text)
    assert text.split()[1] in message
    assert "not available yet" in message


@pytest.mark.parametrize("text", ["run -q bread", "exec -q fish1", "build -q ."])
def test_a_line_has_nothing_to_be_quiet_about(text):
    assert "a line shows nothing by itself" in refused(line, text)


def test_lines_take_dockers_operands():
    assert line("ps -a").options["all"] is True
    assert line("rm -f a b c").operands == ("a", "b", "c")
    assert line("commit -m note fish1 bread:2").operands == ("fish1", "bread:2")
    assert line("diff a b").operands == ("a", "b")
    assert "too many words" in refused(line, "tag a b c")
    assert "IMAGE is missing" in refused(line, "rmi")


def test_every_option_is_named_once_in_a_verb_and_says_what_it_does():
    for verb in (*CELL_VERBS, *LINE_VERBS):
        names = [name for option in verb.available for name in option.names]
        assert len(names) == len(set(names)), verb.magic
        assert all(option.help for option in verb.available)


def test_every_verb_has_something_that_does_it():
    assert set(CELLS) == {verb.name for verb in CELL_VERBS}
    assert set(LINES) == {verb.name for verb in LINE_VERBS}


# Every option of "docker buildx build --help" and of the older builder.
BUILDX = """
--add-host=a:1.2.3.4 --allow=x --annotation=a=b --attest=type=sbom --build-arg=A=b --build-context=a=b --builder=x
--cache-from=type=local,src=c --cache-to=type=local,dest=c --call=check --cgroup-parent=x --check --debug
--iidfile=x --label=a=b --load --metadata-file=x --network=host --no-cache --no-cache-filter=a --output=x
--progress=plain --provenance=false --pull --push --quiet --sbom=false --secret=id=a,src=b --shm-size=1g --tag=x
--target=x --ulimit=nofile=1 --file=x --platform=linux/amd64 --compress --cpu-period=1 --cpu-quota=1
--cpu-shares=1 --cpuset-cpus=0 --cpuset-mems=0 --disable-content-trust --force-rm --isolation=x --memory=1g
--memory-swap=1g --rm --security-opt=x --squash --stream --policy=x --print=x --invoke=x --on=x --root=x --detach
-D -c=1 -m=1g -o=x -q -t=x -f=x
"""


@pytest.mark.parametrize("option", BUILDX.split())
@pytest.mark.parametrize(("parse", "form"), [(cell, "build"), (cell, ""), (line, "build")])
def test_every_option_of_dockers_build_is_taken_or_refused_with_what_to_do(parse, form, option):
    told = "cannot be used: it is taken"
    try:
        parse(f"{form} {option}")
    except UsageError as error:
        told = error.message
    _, refused, reason = told.partition("cannot be used: ")
    assert refused, told
    assert len(reason) > 10
