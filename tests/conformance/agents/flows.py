"""What a model does with our tools, step by step, and what it must see on the way."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.conformance.agents.models import Flow

__all__ = ["FLOWS", "make_plugin"]

_MANIFEST = """\
name: Flows
code: flows
version: 1.0.0
actions:
  count:
    entrypoint: actions:count
"""

_ACTIONS = """\
import time

from synapse_core import action


@action()
def count(lines: int = 3, pause_s: float = 0.0) -> int:
    for number in range(lines):
        print("line", number)
        time.sleep(pause_s)
    return lines
"""

_RUN_ID = re.compile(r"\d{8}-\d{6}-[a-z0-9]+")


def make_plugin(root: Path) -> None:
    """Write the plugin that the flows use."""
    folder = root / "flows"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(_MANIFEST, encoding="utf-8")
    (folder / "actions.py").write_text(_ACTIONS, encoding="utf-8")


def _list() -> Flow:
    """The agent has declared our tools; that of the call would fail otherwise."""
    seen = yield "plugin_search", {}
    assert "flows" in seen, "the plugin is found"


def _call() -> Flow:
    seen = yield "run_start", {"plugin": "flows", "action": "count", "wait_s": 30}
    assert "succeeded" in seen, "the run ends well"


def _error() -> Flow:
    seen = yield "run_status", {"run_id": "no-such-run"}
    assert "[run_not_found]" in seen, "the error has its code"
    assert "run_list" in seen, "the error tells what to call"
    seen = yield "run_list", {"limit": 5}
    assert "[" not in seen.split("runs")[0], "that call succeeds"


def _confirm() -> Flow:
    """Headless agents close the question, or cannot ask: then the refusal tells what to say."""
    seen = yield "run_start", {**_SLOW, "wait_s": 0}
    run_id = _run_id(seen)
    wish = {"run_id": run_id, "force": True}
    seen = yield "run_cancel", wish
    if "declined" not in seen:
        told = re.search(r"confirm='([^']+)'", seen)
        assert told is not None, "the refusal tells what to say"
        seen = yield "run_cancel", {**wish, "confirm": told[1]}
        assert "cancelled" in seen, "what was told counts"
        return
    seen = yield "run_status", {"run_id": run_id}
    assert "running" in seen, "nothing was done"
    seen = yield "run_cancel", {"run_id": run_id}
    assert "cancelled" in seen, "to stop a run needs no question"


def _long_run() -> Flow:
    seen = yield "run_start", {**_SLOW, "params": {"lines": 8, "pause_s": 1}, "wait_s": 1}
    assert "running" in seen, "the run goes on after the wait"
    seen = yield "run_status", {"run_id": _run_id(seen), "wait_s": 40}
    assert "succeeded" in seen, "the wait ends with the run"


def _log_tail() -> Flow:
    seen = yield "run_start", {"plugin": "flows", "action": "count", "params": {"lines": 50}}
    run_id = _run_id(seen)
    seen = yield "run_logs", {"run_id": run_id, "tail": 5}
    assert "line 49" in seen, "the last line is there"
    assert "line 3\n" not in seen, "the first ones are not"
    seen = yield "run_logs", {"run_id": run_id, "grep": "line 1[0-3]$"}
    assert all(f"line 1{digit}" in seen for digit in range(4)), "lines are found"


_SLOW = {"plugin": "flows", "action": "count", "params": {"lines": 60, "pause_s": 1}}

FLOWS: Mapping[str, Callable[[], Flow]] = {
    "list": _list,
    "call": _call,
    "error": _error,
    "confirm": _confirm,
    "long run": _long_run,
    "log tail": _log_tail,
}


def _run_id(seen: str) -> str:
    found = _RUN_ID.search(seen)
    assert found is not None, "the result names the run"
    return found[0]
