"""What every `Inspector` must do.

Derive from `InspectorContract` and override its fixture `inspector`; pytest does the rest:

    class TestMyInspector(InspectorContract):
        @pytest.fixture
        def inspector(self, tmp_path: Path) -> Inspector:
            return MyInspector(tmp_path / "home")
"""

import sys
import time
from pathlib import Path
from typing import cast

import pytest

from synapse_core.errors import ActionLoadError, RunTimeoutError
from synapse_core.ports import Inspector
from synapse_core.types import JSONObject

__all__ = ["InspectorContract"]

_MODULE = "inspected_by_contract"
_PATIENCE_S = 40.0
_FIRST = "from synapse_core import action\n\n@action\ndef first(n: int = 3) -> int:\n    return n\n"
_SECOND = "\n@action(description='The other.')\ndef second() -> None: ...\n"


def _write(folder: Path, source: str, name: str = _MODULE) -> Path:
    plugin = folder / "plugin ö"
    plugin.mkdir(exist_ok=True)
    (plugin / f"{name}.py").write_text(source, encoding="utf-8")
    return plugin


def _part(answer: JSONObject, key: str) -> dict[str, JSONObject]:
    return cast("dict[str, JSONObject]", answer[key])


class InspectorContract:
    """Every sentence of `Inspector`, as tests."""

    @pytest.fixture
    def inspector(self) -> Inspector:
        """Return the inspector; to be overridden."""
        raise NotImplementedError

    def test_it_tells_what_the_actions_are(self, inspector: Inspector, tmp_path: Path) -> None:
        plugin = _write(tmp_path, _FIRST)

        answer = inspector.inspect(plugin, {"mine": f"{_MODULE}:first"}, timeout_s=_PATIENCE_S)

        found = _part(answer, "actions")["mine"]
        assert found["entrypoint"] == f"{_MODULE}:first"
        assert (found["kind"], found["file"], found["line"]) == ("function", f"{_MODULE}.py", 4)
        assert cast("JSONObject", found["schema"])["example"] == {"n": 3}
        assert answer["errors"] == {}
        assert isinstance(answer["installing_s"], float)

    def test_actions_found_besides_are_added(self, inspector: Inspector, tmp_path: Path) -> None:
        plugin = _write(tmp_path, _FIRST + _SECOND)

        answer = inspector.inspect(plugin, {"first": f"{_MODULE}:first"}, timeout_s=_PATIENCE_S)

        assert _part(answer, "actions")["second"]["description"] == "The other."

    def test_without_entrypoints_it_finds_what_there_is(
        self, inspector: Inspector, tmp_path: Path
    ) -> None:
        plugin = _write(tmp_path, _FIRST + _SECOND)

        answer = inspector.inspect(plugin, {}, timeout_s=_PATIENCE_S)

        assert set(_part(answer, "actions")) == {"first", "second"}

    def test_one_action_that_fails_hides_no_other(
        self, inspector: Inspector, tmp_path: Path
    ) -> None:
        plugin = _write(tmp_path, _FIRST)
        _write(tmp_path, "raise RuntimeError('not today')\n", "failing")
        entrypoints = {"bad": "failing:run", "good": f"{_MODULE}:first"}

        answer = inspector.inspect(plugin, entrypoints, timeout_s=_PATIENCE_S)

        assert "good" in _part(answer, "actions")
        assert "not today" in str(_part(answer, "errors")["bad"]["message"])

    def test_it_sees_the_files_as_they_are_now(self, inspector: Inspector, tmp_path: Path) -> None:
        plugin = _write(tmp_path, _FIRST)
        entrypoints = {"first": f"{_MODULE}:first"}
        inspector.inspect(plugin, entrypoints, timeout_s=_PATIENCE_S)

        _write(tmp_path, _FIRST.replace("= 3", "= 4"))
        answer = inspector.inspect(plugin, entrypoints, timeout_s=_PATIENCE_S)

        schema = cast("JSONObject", _part(answer, "actions")["first"]["schema"])
        assert schema["example"] == {"n": 4}

    def test_nothing_of_the_plugin_comes_into_this_process(
        self, inspector: Inspector, tmp_path: Path
    ) -> None:
        path = list(sys.path)

        inspector.inspect(_write(tmp_path, _FIRST), {}, timeout_s=_PATIENCE_S)

        assert _MODULE not in sys.modules
        assert sys.path == path

    @pytest.mark.parametrize(
        "noise", ["print('{}')", "import os; os.write(1, b'{}')", "import sys; sys.stdout.close()"]
    )
    def test_a_plugin_may_print(self, inspector: Inspector, tmp_path: Path, noise: str) -> None:
        plugin = _write(tmp_path, f"{noise}\n{_FIRST}")

        assert inspector.inspect(plugin, {}, timeout_s=_PATIENCE_S)["errors"] == {}

    def test_an_exit_is_told_like_any_failure(self, inspector: Inspector, tmp_path: Path) -> None:
        plugin = _write(tmp_path, f"raise SystemExit(0)\n{_FIRST}")

        answer = inspector.inspect(plugin, {"run": f"{_MODULE}:first"}, timeout_s=_PATIENCE_S)

        assert "exits" in str(_part(answer, "errors")["run"]["message"])

    @pytest.mark.parametrize(
        "crash", ["import os; os._exit(0)", "import os, signal; os.kill(os.getpid(), 9)"]
    )
    def test_a_crash_loses_only_the_inspection(
        self, inspector: Inspector, tmp_path: Path, crash: str
    ) -> None:
        plugin = _write(tmp_path, f"{crash}\n{_FIRST}")

        with pytest.raises(ActionLoadError):
            inspector.inspect(plugin, {"run": f"{_MODULE}:first"}, timeout_s=_PATIENCE_S)

        _write(tmp_path, _FIRST)
        assert inspector.inspect(plugin, {}, timeout_s=_PATIENCE_S)["errors"] == {}

    def test_what_hangs_is_given_up_in_time(self, inspector: Inspector, tmp_path: Path) -> None:
        plugin = _write(tmp_path, f"while True: pass\n{_FIRST}")
        entrypoints = {"run": f"{_MODULE}:first"}
        inspector.inspect(tmp_path, {}, timeout_s=_PATIENCE_S)  # what has to start has started
        started = time.monotonic()

        with pytest.raises(RunTimeoutError):
            inspector.inspect(plugin, entrypoints, timeout_s=1.0)

        assert time.monotonic() - started < _PATIENCE_S / 2
