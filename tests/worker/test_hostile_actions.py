"""Whatever an action does to its process, its run ends, says why, and leaves nothing behind."""

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import psutil
import pytest

from synapse_core.model.event import EventKind
from synapse_core.model.run import Run, RunStatus
from synapse_core.operations.logs import LogQuery, read_logs
from synapse_core.operations.runs import StartRun, cancel_run, start_run, wait_run
from synapse_core.workspace import Workspace
from tests.worker.plugins import PATIENCE_S, opened, write_plugin

LINES = 100_000

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits memory so")


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with opened(tmp_path) as workspace:
        yield workspace


def run_to_end(workspace: Workspace, body: str, *, more: str = "") -> Run:
    """Run an action with this body, and see that nothing of it is left when it has ended."""
    write_plugin(workspace.home.root.parent, body, more=more)
    run = start_run(workspace, StartRun(plugin="odd", action="run"))
    ended = wait_run(workspace, run.id, timeout_s=PATIENCE_S)
    assert ended.status.is_terminal
    assert processes_in(workspace) == []
    return ended


def processes_in(workspace: Workspace) -> list[int]:
    """Return the processes that stand in the folder of a run."""
    here = str(workspace.home.root / "runs")
    found: list[int] = []
    for process in psutil.process_iter():
        try:
            is_here = process.cwd().startswith(here)
        except psutil.Error:
            continue
        if is_here:
            found.append(process.pid)
    return found


def said(workspace: Workspace, run: Run) -> list[str]:
    lines = read_logs(workspace, run.id, LogQuery(max_chars=100_000)).lines
    return [line.text for line in lines if line.source != "status"]


HARMLESS: dict[str, tuple[str, list[str] | None]] = {
    "forks, and the fork returns": (
        """
        pid = os.fork()
        if pid == 0:
            print("in the fork", flush=True)
            return "wrong"
        os.waitpid(pid, 0)
        return "right"
        """,
        ["in the fork"],
    ),
    "leaves a fork behind": (
        """
        if os.fork() == 0:
            time.sleep(60)
        return "right"
        """,
        [],
    ),
    "leaves a child in a session of its own": (
        """
        import subprocess
        subprocess.Popen(["sleep", "60"], start_new_session=True)
        return "right"
        """,
        [],
    ),
    "closes stdout": (
        """
        print("before")
        sys.stdout.close(), sys.stderr.close()
        os.close(1), os.close(2)
        ctx.log("after")
        return "right"
        """,
        ["before", "after"],
    ),
    "closes every descriptor it could have": (
        """
        print("before")
        os.closerange(0, 1024)
        return "right"
        """,
        ["before"],
    ),
    "deletes its working directory": (
        """
        import shutil
        shutil.rmtree(os.getcwd())
        print("gone")
        ctx.save_artifact(b"x", "x.bin")
        return "right"
        """,
        ["gone"],
    ),
    "leaves a daemon thread that talks": (
        """
        talk = threading.Event()
        def say():
            while True:
                print("still here")
                talk.set()
        threading.Thread(target=say, daemon=True).start()
        talk.wait()
        return "right"
        """,
        None,
    ),
    "leaves a thread that finishes its work": (
        """
        end = threading.Timer(0.2, lambda: print("late"))
        end.start()
        return "right"
        """,
        ["late"],
    ),
    "registers exit functions": (
        """
        import atexit
        atexit.register(lambda: print("bye"))
        return "right"
        """,
        ["bye"],
    ),
    "prints from C without flushing": (
        """
        import ctypes
        libc = ctypes.CDLL(None)
        libc.printf(b"from C\\n")
        os.write(1, b"after C\\n")
        libc.printf(b"never ended")
        return "right"
        """,
        ["from C", "after C", "never ended"],
    ),
    "lets children print": (
        """
        import subprocess
        subprocess.run("echo one; echo two >&2", shell=True, check=True)
        os.system("printf three")
        return "right"
        """,
        ["one", "two", "three"],
    ),
    "prints what is no text": (
        """
        os.write(1, b"bad \\xff\\xfe bytes\\n")
        print("\\x1b[31mred\\x1b[0m \\x00 \\u202e")
        return "right"
        """,
        ["bad \\xff\\xfe bytes", "red \\x00 \\u202e"],
    ),
    "takes away its descriptors by a limit": (
        """
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
        return "right"
        """,
        [],
    ),
}


@pytest.mark.parametrize(("body", "told"), HARMLESS.values(), ids=HARMLESS.keys())
def test_the_result_of_an_action_is_kept_although_it(
    workspace: Workspace, body: str, told: list[str] | None
) -> None:
    ended = run_to_end(workspace, body)

    assert (ended.status, ended.result) == (RunStatus.SUCCEEDED, "right"), ended.failure
    if told is not None:
        assert said(workspace, ended) == told


DEADLY = {
    "os._exit(0)": ("os._exit(0)", "ProcessExit", "status 0"),
    "sys.exit()": ("sys.exit()", "SystemExit", "sys.exit()"),
    "sys.exit('text')": ("sys.exit('no more')", "SystemExit", "no more"),
    "a segfault": ("import ctypes; ctypes.string_at(0)", "ProcessKilled", "SIGSEGV"),
    "a kill of its group": ("os.killpg(0, signal.SIGKILL)", "ProcessKilled", "SIGKILL"),
    "a recursion": ("f = lambda n: f(n); f(0)", "RecursionError", "recursion"),
    "an interrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt", "interrupted"),
    "an alarm": ("signal.setitimer(0, 0.05); time.sleep(60)", "ProcessKilled", "SIGALRM"),
    "a limit on files": (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (9, 9)); print('no place')",
        "ProcessExit",
        "could not be recorded: JournalError",
    ),
    "broken builtins": (
        "import builtins; builtins.isinstance = builtins.open = None",
        "ProcessExit",
        "could not be recorded: TypeError",
    ),
}


@pytest.mark.parametrize(("body", "type_", "told"), DEADLY.values(), ids=DEADLY.keys())
def test_a_run_tells_that_it_was_ended_by(
    workspace: Workspace, body: str, type_: str, told: str
) -> None:
    ended = run_to_end(workspace, f"print('before', flush=True)\n{body}")

    assert ended.status is RunStatus.FAILED
    assert ended.failure is not None
    assert (ended.failure.type, told in ended.failure.message) == (type_, True), ended.failure
    assert ended.failure.hint
    assert said(workspace, ended)[0] == "before"


@ON_LINUX
def test_an_action_that_takes_more_memory_than_it_may_fails_by_name(workspace: Workspace) -> None:
    taking = "taken = []\nwhile True:\n    taken.append(bytearray(1 << 20))"
    ended = run_to_end(workspace, taking, more="    resources:\n      memory: 64MB\n")

    assert ended.failure is not None
    assert (ended.failure.type, ended.failure.code) == ("MemoryError", "action_failed")
    assert "memory in config.yaml" in ended.failure.hint
    assert ended.failure.where is not None
    assert ended.failure.where.source == "taken.append(bytearray(1 << 20))"


STUBBORN = {
    "ignores SIGTERM": "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "takes all signals": """
        for number in set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, lambda *_: None)
        """,
    "blocks all signals": "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())",
}


@pytest.mark.parametrize("body", STUBBORN.values(), ids=STUBBORN.keys())
def test_a_run_is_stopped_within_five_seconds_although_it(workspace: Workspace, body: str) -> None:
    rest = """
        import subprocess
        subprocess.Popen(["sh", "-c", "trap '' TERM; sleep 60"])
        ctx.log("ready")
        while True:
            try:
                time.sleep(60)
            except BaseException:
                pass
        """
    write_plugin(workspace.home.root.parent, join_bodies(body, rest))
    run = start_run(workspace, StartRun(plugin="odd", action="run"))
    wait_for(workspace, run, "ready")
    ended = cancel_run(workspace, run.id, wait_s=PATIENCE_S)
    assert ended.finished_at is not None
    assert ended.cancel_requested_at is not None

    assert ended.status is RunStatus.CANCELLED
    assert ended.finished_at - ended.cancel_requested_at < 10, "4 s and what a busy machine takes"
    assert processes_in(workspace) == []


def join_bodies(*bodies: str) -> str:
    return "\n".join(dedent(body).strip() for body in bodies)


def wait_for(workspace: Workspace, run: Run, event: str) -> None:
    cursor = None
    while True:
        page = workspace.journals.read(run.id, after=cursor, kinds=frozenset({EventKind.LOG}))
        cursor = page.next_cursor
        if any(one.data.get("event") == event for one in page.items):
            return
        assert workspace.journals.wait(run.id, cursor, timeout_s=PATIENCE_S)


def test_a_run_that_removes_its_own_folder_ends_for_whoever_waits(workspace: Workspace) -> None:
    body = """
        import shutil
        for _ in range(100):
            ctx.log("much to be lost")
        shutil.rmtree(os.path.dirname(os.getcwd()))
        """
    ended = run_to_end(workspace, body)

    assert ended.status is RunStatus.FAILED
    assert ended.failure is not None
    assert "without a result" in ended.failure.message


def test_very_many_lines_and_a_very_long_one_are_kept_in_order_with_little_memory(
    workspace: Workspace,
) -> None:
    body = """
        import resource
        LINES = 100_000
        for number in range(10_000):
            print(number)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in range(10_000, LINES):
            print(number)
        os.write(1, b"x" * 10_000_000)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        """
    ended = run_to_end(workspace, body)
    numbers: list[int] = []
    length = 0
    cursor = None
    while True:
        page = workspace.journals.read(ended.id, after=cursor, limit=10_000)
        cursor = page.next_cursor
        for event in page.items:
            text = str(event.data.get("message"))
            if event.data.get("source") == "stdout":
                numbers.append(int(text))
            elif event.data.get("source") == "output":
                length += text.count("x")
        if not page.items:
            break

    assert ended.status is RunStatus.SUCCEEDED
    assert numbers == list(range(LINES))
    assert length == 10_000_000
    assert isinstance(ended.result, int)
    assert ended.result < 60_000, "kB"
