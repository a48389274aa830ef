"""What is built while the server is imported, and what is not."""

import subprocess
import sys

IMPORTED = """
from synapse_mcp.front.importing import import_server

import_server()

from mcp.types import CallToolRequest
from pydantic import BaseModel
from synapse_mcp.tools.catalog import TOOLS

class Mine(BaseModel):
    pass

"""
"""A process of its own: here, everything has been imported by somebody else."""


def tells(question: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", f"{IMPORTED}print({question})"],
        check=True,
        capture_output=True,
        text=True,
        timeout=50,
    )
    return done.stdout.strip()


def test_messages_of_the_sdk_are_described_when_they_are_first_used() -> None:
    call = '{"method": "tools/call", "params": {"name": "x", "_meta": {}}}'

    before, name, after = tells(
        "CallToolRequest.__pydantic_complete__,"
        f"CallToolRequest.model_validate_json({call!r}).params.name,"
        "CallToolRequest.__pydantic_complete__,"
        "sep='|'"
    ).split("|")

    assert (before, name, after) == ("False", "x", "True")


def test_models_that_threads_use_are_complete_from_the_start() -> None:
    assert tells("all(tool.result.__pydantic_complete__ for tool in TOOLS)") == "True"
    assert tells("Mine.__pydantic_complete__, 'defer_build' in BaseModel.model_config") == (
        "True False"
    )


def test_the_sdk_brings_its_client_only_when_it_is_asked_for() -> None:
    before, module, refused = tells(
        "'mcp.client.session' in __import__('sys').modules,"
        "__import__('mcp').ClientSession.__module__,"
        "hasattr(__import__('mcp'), 'nothing_of_the_kind'),"
        "sep='|'"
    ).split("|")

    assert (before, module, refused) == ("False", "mcp.client.session", "False")
