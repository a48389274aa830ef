"""No name of a run or of a file leads a command out of the home."""

from collections.abc import Callable

import pytest

from tests.cli.calling import Call
from tests.mcp.trap import SECRET, Trap, build_trap


@pytest.fixture(scope="module")
def trap(tmp_path_factory: pytest.TempPathFactory) -> Trap:
    return build_trap(tmp_path_factory.mktemp("trap"))


@pytest.fixture
def call(synapse: Call, trap: Trap, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    monkeypatch.setenv("SYNAPSE_HOME", str(trap.place.home))

    def told(*words: str) -> str:
        done = synapse(*words)
        assert done.code in {0, 2, 3, 4}, (words, done.err)
        return done.out + done.err

    return told


@pytest.mark.parametrize(
    "words", ["run show", "run logs", "run outputs", "run cancel", "run outputs RUN"]
)
def test_no_name_tells_anything_from_outside(
    call: Callable[..., str], trap: Trap, words: str
) -> None:
    before = trap.outside()
    filled = words.replace("RUN", trap.run_id).split()

    told = {text: call(*filled, text) for text in trap.texts}

    for text, answer in told.items():
        assert SECRET not in answer, text
        assert "Traceback" not in answer, text
    assert trap.outside() == before


def test_what_replaced_a_saved_file_is_not_shown(call: Callable[..., str], trap: Trap) -> None:
    told = call("run", "outputs", trap.run_id, "replaced/linked.txt")

    assert SECRET not in told
    assert "leads outside the folder" in told
