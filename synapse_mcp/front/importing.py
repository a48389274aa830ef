"""Imports the server without building what one connection hardly needs.

The SDK describes the messages of every version of the protocol by models of pydantic. Building
them all is a large part of its import, while a connection speaks one version and uses few of them.
"""

import importlib

__all__ = ["import_server"]


def import_server() -> None:
    """Import all that serves over stdio.

    Models of the SDK are built when they are first used. That is on the event loop, as all that the
    SDK does here; our own are used in threads too, where two might build one at once, so they are
    built at once.
    """
    from pydantic import BaseModel  # noqa: PLC0415 (the front itself needs the standard library only)

    BaseModel.model_config["defer_build"] = True  # models that are defined from now on inherit it
    try:
        importlib.import_module("mcp.server")
    finally:
        del BaseModel.model_config["defer_build"]
    importlib.import_module("synapse_mcp.server.stdio")
