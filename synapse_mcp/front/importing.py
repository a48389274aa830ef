"""Imports the server without building what one connection hardly needs.

The SDK describes the messages of every version of the protocol by models of pydantic, and its
package brings the client along. Both are a large part of its import, while a connection speaks one
version, uses few of the models, and no client.
"""

import importlib
import sys
from importlib.util import find_spec, module_from_spec

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
        _defer_package("mcp")
        importlib.import_module("mcp.server")
    finally:
        del BaseModel.model_config["defer_build"]
    importlib.import_module("synapse_mcp.server.stdio")


def _defer_package(name: str) -> None:
    """Have a package execute its own code when somebody asks for what that defines.

    Its modules can be imported before. `importlib.util.LazyLoader` would not do: it loads at any
    look at the package, such as the one for a module in it.
    """
    spec = find_spec(name)
    if name in sys.modules or spec is None or spec.loader is None:
        return  # it is there already, or its import tells what is wrong
    loader, package = spec.loader, module_from_spec(spec)

    def load(attribute: str) -> object:
        vars(package).pop("__getattr__", None)  # it has no more to say, whatever comes of this
        loader.exec_module(package)
        return getattr(package, attribute)

    vars(package)["__getattr__"] = load
    sys.modules[name] = package
