"""Child processes: started again when they crash, stopped in order, gone when we are."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from infrastructure.processes.child import spawn, stop
from infrastructure.processes.stop_signals import StopSignals
from infrastructure.processes.tree import ProcessTree, Program

_TREE = """
import signal, sys
from infrastructure.processes.tree import ProcessTree, Program
from infrastructure.processes.stop_signals import StopSignals

def program(name, code):
    return Program(name, (sys.executable, "-c", code), patience=float(sys.argv[1]))

SAY = "import os, signal, sys\\nsay = lambda text: os.write(1, ('NAME ' + text + chr(10)).encode())\\n"
STUBBORN = SAY + "signal.signal(signal.SIGTERM, lambda *_: say('asked'))"
POLITE = SAY + "signal.signal(signal.SIGTERM, lambda *_: (say('stopped'), sys.exit()))"
WAIT = "\\nsay('started')\\nwhile True: signal.pause()"

first = (STUBBORN if "stubborn" in sys.argv else POLITE) + WAIT
children = [program("first", first.replace("NAME", "first")), program("second", (POLITE + WAIT).replace("NAME", "second"))]
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
if "crashing" in sys.argv:
    children.append(program("third", SAY.replace("NAME", "third") + "say('started')\\nsys.exit(3)"))
with StopSignals(settle_seconds=0) as signals:
    say = lambda text: sys.stdout.write(text + "\\n") and sys.stdout.flush()
    tree = ProcessTree(children, signals, say, at_once="at_once" in sys.argv)
    tree.start()
    tree.supervise()
    print("stopping", flush=True)
    print("in order" if tree.stop() else "with force", flush=True)
"""


class Tree:
    """A process that runs a tree; what it and its children say is read line by line."""

    def __init__(self, *arguments: str, patience: float = 60) -> None:
        command = [sys.executable, "-c", _TREE, str(patience), *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def says(self, *expected: str) -> None:
        """Wait for these lines, which may come in any order."""
        assert self.process.stdout is not None
        assert sorted(self.process.stdout.readline().strip() for _ in expected) == sorted(expected)

    def says_in_order(self, *expected: str) -> None:
        for line in expected:
            self.says(line)


@pytest.fixture
def trees() -> Iterator[list[Tree]]:
    started: list[Tree] = []
    yield started
    for tree in started:
        tree.process.kill()
        tree.process.communicate()


def start(trees: list[Tree], *arguments: str, patience: float = 60) -> Tree:
    trees.append(Tree(*arguments, patience=patience))
    return trees[-1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_children_stop_one_after_the_other(trees: list[Tree], number: signal.Signals) -> None:
    tree = start(trees)
    tree.says("first started", "second started")
    tree.process.send_signal(number)
    tree.says_in_order("stopping", "first stopped", "second stopped", "in order")
    assert tree.process.wait() == 0


def test_children_that_stop_at_once_do_not_wait_for_each_other(trees: list[Tree]) -> None:
    tree = start(trees, "at_once", "stubborn")
    tree.says("first started", "second started")
    tree.process.send_signal(signal.SIGTERM)
    tree.says("stopping")
    tree.says("first asked", "second stopped")
    tree.process.send_signal(signal.SIGTERM)
    tree.says("with force")


def test_a_second_signal_does_not_wait(trees: list[Tree]) -> None:
    tree = start(trees, "stubborn")
    tree.says("first started", "second started")
    tree.process.send_signal(signal.SIGINT)
    tree.says_in_order("stopping", "first asked")
    tree.process.send_signal(signal.SIGINT)
    tree.says("with force")
    assert tree.process.wait() == 0


def test_patience_ends(trees: list[Tree]) -> None:
    tree = start(trees, "stubborn", patience=0.2)
    tree.says("first started", "second started")
    tree.process.send_signal(signal.SIGTERM)
    tree.says_in_order("stopping", "first asked", "second stopped", "with force")


def test_a_child_that_crashes_is_started_again_later_and_later(trees: list[Tree]) -> None:
    tree = start(trees, "crashing")
    tree.says(
        "first started",
        "second started",
        "third started",
        "third ended with status 3; again in 0.5 s",
    )
    tree.says_in_order("third started", "third ended with status 3; again in 1 s", "third started")


def test_a_child_that_cannot_be_started_again_is_tried_later(tmp_path: Path) -> None:
    program = tmp_path / "program"
    said: list[str] = []

    def report(text: str) -> None:
        said.append(text)
        if "status" in text:
            program.unlink()
        else:
            os.kill(os.getpid(), signal.SIGTERM)

    program.write_text("#!/bin/sh\nexit 3\n", encoding="ascii")
    program.chmod(0o700)
    with StopSignals(settle_seconds=0) as signals:
        tree = ProcessTree([Program("one", (str(program),))], signals, report)
        tree.start()
        tree.supervise()
        assert tree.stop()
    assert said == [
        "one ended with status 3; again in 0.5 s",
        "one cannot start (No such file or directory); again in 1 s",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_children_stop_when_we_are_killed(trees: list[Tree]) -> None:
    tree = start(trees)
    tree.says("first started", "second started")
    ends = [os.pidfd_open(child.pid) for child in psutil.Process(tree.process.pid).children()]
    tree.process.kill()
    assert len(ends) == 2
    for end in ends:
        assert select.select([end], [], [], 30)[0]
        os.close(end)


def test_what_a_child_started_is_killed_with_it(tmp_path: Path) -> None:
    child = spawn(
        ["sh", "-c", f"sleep 1000 & echo $! > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/pid; wait"]
    )
    while not (tmp_path / "pid").exists():
        assert child.poll() is None
    end = os.pidfd_open(int((tmp_path / "pid").read_text()))
    assert stop(child)
    assert select.select([end], [], [], 30)[0]
    os.close(end)


def test_a_child_reads_nothing_and_says_where_it_is_told(tmp_path: Path) -> None:
    with (tmp_path / "said").open("wb") as output:
        child = spawn(["sh", "-c", "cat; echo out; echo err >&2"], output=output)
        assert child.wait() == 0
    assert (tmp_path / "said").read_text() == "out\nerr\n"
