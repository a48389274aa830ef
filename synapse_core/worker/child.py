"""The process of one attempt: the only place where a plugin's code is executed.

It is the journal's single writer while it lives. Whatever happens to it, its supervisor goes on.
"""

import atexit
import contextlib
import faulthandler
import os
import signal
import sys
import threading
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from synapse_core.actions.failure import describe_failure
from synapse_core.config.home import Home
from synapse_core.errors import RunCancelledError
from synapse_core.logs.redact import Redactor
from synapse_core.model.event import EventKind
from synapse_core.model.run import Run
from synapse_core.runs.journal import JournalWriter
from synapse_core.runs.reading import Journals
from synapse_core.runs.wake import FileWatch
from synapse_core.runtime.cancellation import CancelToken
from synapse_core.runtime.checkpoints import inherited_checkpoints
from synapse_core.runtime.context import RuntimeContext
from synapse_core.runtime.env import PluginEnvironment
from synapse_core.runtime.logging_bridge import bridge_logging
from synapse_core.runtime.streams import CapturedStream, capture_streams
from synapse_core.types import JSONObject, JSONValue
from synapse_core.worker.environment import JOB_ID_VARIABLE
from synapse_core.worker.isolation import (
    claim_output,
    die_with_parent,
    flush_c_output,
    give_way_when_memory_ends,
    limit_memory,
    restore_signals,
    stretch_memory,
    write_c_output_by_line,
)
from synapse_core.worker.sinks import ChildSink
from synapse_core.worker.work import find_folders, find_work

__all__ = ["Assignment", "execute", "set_apart"]

_MAX_LAST_WORDS = 1000
"""Fits into a pipe that nobody has read from yet."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """What the process of an attempt is told.

    Attributes:
        run: The run as it was claimed.
        attempt: Number of this attempt, from 1.
        home: Where the run's folder lies.
        environ: All variables the process gets.
        output_from: Position in the captured output where this attempt's part begins.
        is_away: Whether this machine does not see the home that has the run.
    """

    run: Run
    attempt: int
    home: Home
    environ: dict[str, str]
    output_from: int
    is_away: bool = False


def set_apart(supervisor: int) -> None:
    """Give this process, which `supervisor` has just forked, a session that ends with that one."""
    os.setsid()
    die_with_parent(supervisor)
    restore_signals()
    give_way_when_memory_ends()
    write_c_output_by_line()


def execute(
    assignment: Assignment,
    *,
    control: int,
    status: int,
    watching: int | None,
) -> NoReturn:
    """Run the attempt in this process, which was set apart, and leave.

    Args:
        assignment: What to do.
        control: Where the supervisor asks to stop; its end means the supervisor is gone.
        status: Write end of the pipe on which it is told what is on record.
        watching: An inotify instance for the captured output, that the supervisor holds, too.
    """
    exit_code = 1
    try:
        child = _Child(assignment, control=control, status=status, watching=watching)
        exit_code = child.live()
    except BaseException as error:  # noqa: BLE001 - told to whoever will look for the reason
        _tell_last_words(error, status)
    finally:
        # Also for what must not happen: a forked process never returns into the zygote's code.
        os._exit(exit_code)


def _tell_last_words(error: BaseException, status: int) -> None:
    """Say what kept this process from recording its end, such as a full disk."""
    told = " ".join(f"{type(error).__name__}: {error}".split())[:_MAX_LAST_WORDS]
    with contextlib.suppress(OSError):  # the action closed every descriptor
        os.write(status, f"died {told}\n".encode("utf-8", "replace"))
    with contextlib.suppress(Exception):  # it may have broken what a traceback is made with
        os.write(2, traceback.format_exc().encode("utf-8", "replace"))


class _Child:
    def __init__(
        self,
        assignment: Assignment,
        *,
        control: int,
        status: int,
        watching: int | None,
    ) -> None:
        self._run = assignment.run
        self._assignment = assignment
        self._control = control
        self._status = status
        self._pid = os.getpid()
        self._watching = watching
        self._output = assignment.home.output(self._run.id)
        claim_output(self._output)
        # From here this process is the only writer, until it is gone.
        journal = JournalWriter.open(
            assignment.home.journal(self._run.id),
            redactor=Redactor.for_run(assignment.environ, self._run.params),
        )
        self._sink = ChildSink(journal, self._output, offset=assignment.output_from)
        self._cancel = CancelToken()

    def live(self) -> int:
        """Execute the action, put its outcome on record, and clear up; return the exit status."""
        self._prepare_process()
        with capture_streams(self._sink), bridge_logging(self._sink):
            for duty in (self._obey, self._collect):
                threading.Thread(target=duty, name=f"synapse{duty.__name__}", daemon=True).start()
            exit_code = self._attempt()
            if os.getpid() != self._pid:  # user code forked, and the fork came back this way
                return 0
            self._tell("recorded")
            self._leave()
        self._tell(f"drained {self._sink.finish()}")
        return exit_code

    def _prepare_process(self) -> None:
        run = self._run
        os.environ.clear()
        os.environ.update(self._assignment.environ)
        os.chdir(self._assignment.home.work(run.id))
        if run.resources.memory_mb is not None:
            limit_memory(run.resources.memory_mb)
        faulthandler.enable(file=2, all_threads=False)
        signal.signal(signal.SIGTERM, self._on_terminate)
        os.register_at_fork(after_in_child=self._sink.forward_from_here)

    def _attempt(self) -> int:
        """Return 0 when a result is on record, 1 when a failure is."""
        try:
            result = self._call()
        except BaseException as error:  # noqa: BLE001 - an exit and an interrupt are outcomes too
            stretch_memory()
            failure = describe_failure(error, Path(self._run.plugin_path))
            self._record(EventKind.ERROR, asdict(failure))
            return 1
        self._record(EventKind.OUTPUT, {"result": result})
        return 0

    def _call(self) -> JSONValue:
        run, home = self._run, self._assignment.home
        work = find_work(run, home)
        with RuntimeContext(
            self._sink,
            env=PluginEnvironment(self._assignment.environ),
            job_id=self._assignment.environ.get(JOB_ID_VARIABLE, run.id),
            folder=home.run_dir(run.id),
            cancel=self._cancel,
            checkpoints=inherited_checkpoints(
                Journals(home), run, attempt=self._assignment.attempt
            ),
            pipeline=find_folders(run, home, is_away=self._assignment.is_away),
        ) as context:
            return work(context)

    def _record(self, kind: EventKind, data: JSONObject) -> None:
        # From here on there is nothing left to stop.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if os.getpid() == self._pid:
            self._sink.emit(kind, data)

    def _on_terminate(self, _number: int, _frame: FrameType | None) -> None:
        self._sink.interrupt(self._raise_cancelled)

    def _raise_cancelled(self) -> None:
        self._cancel.set()
        raise RunCancelledError("The run was stopped.")

    def _obey(self) -> None:
        """Pass on what the supervisor asks; when it is gone, so is this run."""
        while os.read(self._control, 64):
            self._cancel.set()
        os.killpg(0, signal.SIGKILL)

    def _collect(self) -> None:
        """Record output of C code and child processes as soon as it is written."""
        with FileWatch(self._output, self._watching) as watch:
            while True:
                watch.wait(None)
                self._sink.drain()

    def _leave(self) -> None:
        """Do what the interpreter does at its end: join threads, call exit functions."""
        # Thread pools wait for exactly the first; os._exit would skip what the second calls.
        threading._shutdown()  # noqa: SLF001 # pyright: ignore[reportAttributeAccessIssue,reportUnknownMemberType] - not in the stubs
        atexit._run_exitfuncs()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - see above
        for stream in (sys.stdout, sys.stderr):
            if not isinstance(stream, CapturedStream):  # the action put something of its own there
                with contextlib.suppress(ValueError):  # and closed it
                    stream.flush()
        flush_c_output()

    def _tell(self, word: str) -> None:
        with contextlib.suppress(OSError):  # the action closed every descriptor, or the other end
            os.write(self._status, word.encode() + b"\n")
