"""What to do next about an exception that Python or a library raised."""

import errno

from synapse_core.actions.distributions import name_distribution
from synapse_core.errors import SynapseError

__all__ = ["advise"]


def advise(error: BaseException) -> str:
    """Return a hint, or an empty string when none is better than none."""
    match error:
        case SynapseError():
            return error.hint
        case ModuleNotFoundError():
            return _missing_module(error)
        case ImportError():
            return _missing_name(error)
        case FileNotFoundError() | NotADirectoryError():
            return _missing_file(error)
        case PermissionError():
            return _denied(error)
        case _:
            return _usual(error)


def _usual(error: BaseException) -> str:
    by_number = _BY_NUMBER.get(error.errno or 0) if isinstance(error, OSError) else None
    return by_number or next((advice for kind, advice in _BY_KIND if isinstance(error, kind)), "")


def _missing_module(error: ImportError) -> str:
    name = str(error.name or "").partition(".")[0]
    if not name:
        return "Add what it needs to the plugin's requirements.txt."
    distribution = name_distribution(name)
    return (
        f"Add `{distribution}` to the plugin's requirements.txt or to the dependencies in its "
        f"pyproject.toml; if {name!r} is a module of the plugin, correct its name."
    )


def _missing_name(error: ImportError) -> str:
    return (
        f"{error.name or 'The module'} was found, but not the name in it: look for a newer or "
        "older version of the library, a misspelt name, or modules that import each other."
    )


def _missing_file(error: OSError) -> str:
    if error.filename is None:
        return "Check the path."
    return (
        f"Check the path {str(error.filename)!r}. An action runs in a working directory of its "
        "own: give absolute paths in params, and find the plugin's own files from `__file__`."
    )


def _denied(error: OSError) -> str:
    shown = f" {str(error.filename)!r}" if error.filename is not None else ""
    return f"Check who may read or write{shown}; write files below the working directory."


_BY_NUMBER = {
    errno.ENOSPC: "The disk is full: free space, or write less.",
    errno.EMFILE: "Too many files are open at once: use `with` to close them.",
}

_BY_KIND: list[tuple[type[BaseException], str]] = [
    (IsADirectoryError, "A folder was given where a file is needed."),
    (TimeoutError, "Something outside did not answer in time; try again, or allow it more time."),
    (ConnectionError, "Check that the service is running and can be reached from this machine."),
    (MemoryError, "Use smaller batches, or raise the action's memory in config.yaml."),
    (
        RecursionError,
        "A function calls itself without an end, or too deeply: use a loop, or stop earlier.",
    ),
    (KeyError, "Look at the keys that are there, or use `.get` with a default."),
    (IndexError, "The list is shorter than expected; it may be empty."),
    (ZeroDivisionError, "Handle the case that there is nothing to divide by."),
    (UnicodeDecodeError, "The file is not UTF-8 text: open it with its encoding, or as bytes."),
    (IndentationError, "Correct the indentation of that line."),
    (SyntaxError, "Correct the syntax there; the mistake may lie on the line before."),
    (NameError, "A name is used before it is defined, or is misspelt."),
    (AssertionError, "An assertion of the action or of a library did not hold."),
    (SystemExit, "Return a value instead of leaving the process, and raise an error to fail."),
    (KeyboardInterrupt, "Somebody interrupted it; run it again."),
    (
        NotImplementedError,
        "The action calls something that is still to be written.",
    ),
]
"""The first that fits counts, so that subclasses come before their bases."""
