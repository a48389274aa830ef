"""Runs each flow with each coding agent that is installed in a folder, and tells how it went.

    python -m tests.conformance.agents FOLDER [--agent NAME] [--flow NAME] [--times N]

FOLDER is that of `scripts/try-clients`, which runs this. The agents are the real ones, started as
from a shell and configured by `synapse mcp install`; only their model is a script (`models`). The
Inspector, which has no model, makes the same calls, each with a server of its own. Exit status 1
when a flow has failed.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.agents.flows import FLOWS, make_plugin
from tests.conformance.agents.models import Json, Script, serve, text_of
from tests.conformance.programs import SERVER, inspect

_TIMEOUT_S = 120
_PROMPT = "Do what the script says."
_CODEX = """\
model = "scripted"
model_provider = "scripted"

[model_providers.scripted]
name = "scripted"
base_url = "URL/v1"
wire_api = "responses"
requires_openai_auth = false
stream_max_retries = 0

"""


@dataclass(frozen=True)
class Agent:
    """How an agent is started.

    Attributes:
        program: Its program, as a pattern below the folder of the agents.
        words: What follows the program.
        env: Variables; `URL` stands for the model's address.
    """

    program: str
    words: tuple[str, ...]
    env: Mapping[str, str]


AGENTS: Mapping[str, Agent] = {
    "claude-code": Agent(
        # The package holds the program for each system; its script would link it.
        "@anthropic-ai/claude-code-*/claude",
        ("-p", _PROMPT, "--allowedTools", "mcp__synapse,ToolSearch"),
        {"ANTHROPIC_BASE_URL": "URL", "ANTHROPIC_API_KEY": "none", "DISABLE_TELEMETRY": "1"},
    ),
    "gemini": Agent(
        ".bin/gemini",
        ("-m", "gemini-2.5-pro", "-p", _PROMPT, "--approval-mode", "yolo", "--skip-trust"),
        {"GOOGLE_GEMINI_BASE_URL": "URL", "GEMINI_API_KEY": "none"},
    ),
    "codex": Agent(
        "@openai/codex-*/vendor/*/bin/codex",
        ("exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", _PROMPT),
        {"OPENAI_API_KEY": "none"},
    ),
}


class Place:
    """Where the agents live and work.

    Args:
        folder: That of `scripts/try-clients`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        home = folder / "home"
        self._home = home / "synapse"
        self._env = {**os.environ, "HOME": str(home), "SYNAPSE_HOME": str(self._home)}
        make_plugin(folder / "work")

    def find(self, agent: Agent) -> Path | None:
        """Return the agent's program; None when it is not installed."""
        found = sorted((self._folder / "agents" / "node_modules").glob(agent.program))
        return found[0] if found else None

    def install(self, name: str) -> None:
        """Tell an agent of the server, as a user would."""
        command = [SERVER.with_name("synapse"), "mcp", "install", "--client", name]
        work = self._folder / "work"
        subprocess.run(
            [*command, "--root", work], env=self._env, cwd=work, check=True, capture_output=True
        )

    def run(self, name: str, program: Path, url: str) -> str:
        """Start an agent and return what it said."""
        agent = AGENTS[name]
        own = {key: value.replace("URL", url) for key, value in agent.env.items()}
        if name == "codex":
            self._point_codex(url)
        try:
            done = subprocess.run(
                [program, *agent.words],
                env={**self._env, **own},
                cwd=self._folder / "work",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            said = error.stdout.decode() if isinstance(error.stdout, bytes) else ""
            return f"{said}\nIt was ended after {_TIMEOUT_S} s."
        return done.stdout

    def inspect(self, tool: str, arguments: Json) -> str:
        """Call a tool with the Inspector and return all text of the result."""
        words = [f"{key}={json.dumps(value)}" for key, value in arguments.items()]
        given = [word for pair in words for word in ("--tool-arg", pair)]
        server = [str(SERVER), "--root", str(self._folder / "work")]
        done = inspect(self._home, server, "--method", "tools/call", "--tool-name", tool, *given)
        assert done.stdout, done.stderr
        return text_of(json.loads(done.stdout))

    def _point_codex(self, url: str) -> None:
        """Codex reads the address of its model from a file only."""
        file = self._folder / "home" / ".codex" / "config.toml"
        _, _, servers = file.read_text(encoding="utf-8").partition("[mcp_servers")
        head = _CODEX.replace("URL", url)
        file.write_text(f"{head}[mcp_servers{servers}", encoding="utf-8")


def main() -> None:
    """Run the flows that were asked for; exit with 1 when one has failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--agent", choices=[*AGENTS, "inspector"])
    parser.add_argument("--flow", choices=FLOWS)
    parser.add_argument("--times", type=int, default=1)
    options = parser.parse_args()
    place = Place(options.folder.absolute())
    failed = 0
    flows = [options.flow] if options.flow else [*FLOWS]
    for name in [options.agent] if options.agent else [*AGENTS, "inspector"]:
        if name != "inspector":
            place.install(name)
        for flow in flows * options.times:
            why = inspect_flow(place, flow) if name == "inspector" else try_flow(place, name, flow)
            sys.stdout.write(f"{name}: {flow}: {'ok' if why is None else f'FAILED: {why}'}\n")
            sys.stdout.flush()
            failed += why is not None
    sys.exit(1 if failed else 0)


def inspect_flow(place: Place, flow: str) -> str | None:
    """Make the calls of a flow with the Inspector; return why it failed."""
    steps = FLOWS[flow]()
    try:
        call = next(steps)
        while True:
            call = steps.send(place.inspect(*call))
    except StopIteration:
        return None
    except AssertionError as error:
        return str(error)


def try_flow(place: Place, name: str, flow: str) -> str | None:
    """Have an agent run a flow; return why it failed."""
    program = place.find(AGENTS[name])
    if program is None:
        return "it is not installed"
    script = Script(FLOWS[flow]())
    model = serve(script)
    try:
        said = place.run(name, program, f"http://127.0.0.1:{model.server_address[1]}")
    finally:
        model.shutdown()
        model.server_close()
    if script.is_done:
        return script.failure
    return f"it stopped after {script.calls} calls. It said:\n{said[-2000:]}"


if __name__ == "__main__":
    main()
