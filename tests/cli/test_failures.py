import os
import subprocess

import pytest
import typer

from synapse_core import errors
from synapse_core.errors import ConfigError, ParamsError, RunNotFoundError, SynapseError
from synapse_mcp.cli.failures import ExitCode, exit_code_of, guard
from tests.cli.calling import PATIENCE_S, PROGRAM, Call


def leaves(kind: type[SynapseError] = SynapseError) -> list[type[SynapseError]]:
    """Return every class of the error tree that is ours, the inner ones included."""
    below = [leaf for child in kind.__subclasses__() for leaf in leaves(child)]
    return [kind, *(leaf for leaf in below if leaf.__module__ == errors.__name__)]


CODES: dict[type[SynapseError], int] = {
    errors.InvalidInputError: 2,
    errors.ParamsError: 2,
    errors.ConfigError: 2,
    errors.CursorError: 2,
    errors.PluginNotFoundError: 3,
    errors.ActionNotFoundError: 3,
    errors.RunNotFoundError: 3,
    errors.EnvironmentNotFoundError: 3,
    errors.PathRefusedError: 4,
    errors.ConfirmationRequiredError: 4,
    errors.OverwriteRefusedError: 4,
    errors.ConflictError: 4,
    errors.ActionError: 1,
    errors.WorkerLostError: 1,
    errors.StoreUnavailableError: 1,
    errors.MissingExtraError: 1,
}


@pytest.mark.parametrize("kind", leaves(), ids=lambda kind: kind.__name__)
def test_every_error_has_an_exit_code(kind: type[SynapseError]) -> None:
    code = exit_code_of(kind.rebuild("what", "fix", {}))

    assert code == CODES.get(kind, code)
    assert code in {1, 2, 3, 4}


def test_what_why_and_fix_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise ParamsError(
            "2 params are wrong.",
            hint="Correct them.",
            problems=[
                {"path": "epochs", "message": "too small", "allowed": "1 or more", "given": 0},
                {"path": "model.lr", "message": "no number", "given": "x" * 1000},
            ],
            example={"epochs": 1},
        )

    code = guard(fail, as_json=False)

    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "Error: 2 params are wrong.",
        "  - epochs: too small; allowed: 1 or more; given: 0",
        f"  - model.lr: no number; given: {'x' * 200}…",
        "Fix: Correct them.",
        "Example: --params '{\"epochs\": 1}'",
    ]


def test_a_program_gets_the_error_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise ConfigError("broken", hint="mend it", line=3)

    code = guard(fail, as_json=True)

    out, err = capsys.readouterr()
    assert code == 2
    assert '"code": "invalid_config"' in out
    assert '"line": 3' in out
    assert err.startswith("Error: broken")


def test_a_fault_of_ours_is_told_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise RuntimeError("oh no")

    assert guard(fail, as_json=False) == ExitCode.FAILED

    err = capsys.readouterr().err
    assert "RuntimeError: oh no" in err
    assert "SYNAPSE_DEBUG=1" in err
    assert "Traceback" not in err


def test_the_traceback_can_be_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("oh no")

    monkeypatch.setenv("SYNAPSE_DEBUG", "1")
    guard(fail, as_json=False)

    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("error", [KeyboardInterrupt(), typer.Abort()])
def test_ctrl_c_is_130(error: BaseException) -> None:
    def stop() -> None:
        raise error

    assert guard(stop, as_json=False) == 130


def test_control_characters_of_others_do_not_reach_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        raise RunNotFoundError("\x1b[2J\x1b]0;owned\x07evil\u202e")

    guard(fail, as_json=False)

    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert "\x07" not in err
    assert "\u202e" not in err


def test_a_reader_that_leaves_is_no_error(variables: dict[str, str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*PROGRAM, "env", "list", "--json"],
        check=False,
        stdout=writer,
        stderr=subprocess.PIPE,
        env=variables,
        timeout=PATIENCE_S,
    )
    os.close(writer)

    assert done.returncode == 141
    assert done.stderr == b""


def test_a_locale_without_letters_is_no_reason_to_fail(
    program: Call, variables: dict[str, str]
) -> None:
    variables |= {"LANG": "C", "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}

    done = program("env", "show", "größer")

    assert done.code == 3
    assert "gr\\xf6\\xdfer" in done.err
