"""Names that a plugin and its actions may have, and the names derived from them.

A plugin's code becomes an importable package that stands first on the path of every run, and an
action's name becomes a module, a class and a function. So a name is refused when Python, another
operating system or the plugin itself could not live with it. Every refusal suggests one that works.
"""

import builtins
import keyword
import re
import sys
import unicodedata
from collections.abc import Callable

from synapse_core.errors import InvalidInputError

__all__ = [
    "MAX_ACTION_CHARS",
    "MAX_CODE_CHARS",
    "MAX_TEXT_CHARS",
    "build_class_name",
    "build_function_name",
    "build_title",
    "check_action_name",
    "check_plugin_code",
    "check_text",
]

MAX_CODE_CHARS = 40
"""With longer names the lines of rendered code would not fit into 100 columns."""

MAX_ACTION_CHARS = 32
"""Shorter than a plugin's code, because both stand in one import."""

MAX_TEXT_CHARS = 200
"""Longest title or description."""

_NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")

_NOT_FOR_WINDOWS = frozenset(
    {"aux", "con", "nul", "prn", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
)

_OF_THE_PLUGIN = frozenset(
    {"build", "config", "conftest", "dist", "main", "samples", "setup", "test", "tests", "venv"}
    | {"wheels"}
)
"""Folders and modules that have another meaning at the top of a plugin."""

_NEEDED_BY_SYNAPSE = """
    synapse_core synapse_mcp annotated_types anyio httpx jinja2 mcp psutil pydantic pydantic_core
    pip pkg_resources pytest rich ruamel setuptools tomlkit typer typing_extensions wheel yaml
"""

_WELL_KNOWN = """
    av boto3 cv2 datasets diffusers fsspec huggingface_hub imageio jax keras lightning matplotlib
    numpy onnx onnxruntime pandas peft polars pyarrow pycocotools ray requests safetensors scipy
    skimage sklearn tensorboard tensorflow tokenizers torch torchaudio torchvision tqdm transformers
    ultralytics wandb
"""

_OF_SYNAPSE = frozenset(_NEEDED_BY_SYNAPSE.split())
_OF_OTHERS = frozenset(_WELL_KNOWN.split())

_UNSHOWN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that break a line, or cannot be seen."""


def check_plugin_code(code: str) -> str:
    """Return the code when a plugin may have it.

    Raises:
        InvalidInputError: It may not; the hint suggests one that may.
    """
    reason = _why_no_name(code, MAX_CODE_CHARS) or _why_no_code(code)
    if reason:
        suggested = _suggest(code, "plugin", MAX_CODE_CHARS, _why_no_code)
        raise InvalidInputError(
            f"A plugin cannot be called {_shown(code)}: {reason}.",
            hint=f"Use for example {suggested!r}.",
            name=code,
            suggestion=suggested,
        )
    return code


def check_action_name(name: str) -> str:
    """Return the name when an action may have it.

    Raises:
        InvalidInputError: It may not; the hint suggests one that may.
    """
    reason = _why_no_name(name, MAX_ACTION_CHARS) or _why_no_action(name)
    if reason:
        suggested = _suggest(name, "action", MAX_ACTION_CHARS, _why_no_action)
        raise InvalidInputError(
            f"An action cannot be called {_shown(name)}: {reason}.",
            hint=f"Use for example {suggested!r}.",
            name=name,
            suggestion=suggested,
        )
    return name


def check_text(text: str, what: str) -> str:
    """Return a title or description without spaces around it.

    Args:
        text: What was given.
        what: What it is, for the message.

    Raises:
        InvalidInputError: It is too long, or breaks a line.
    """
    text = text.strip()
    if len(text) > MAX_TEXT_CHARS:
        raise InvalidInputError(
            f"The {what} has {len(text)} characters; at most {MAX_TEXT_CHARS} are allowed.",
            hint="Say the most important in one sentence; the rest belongs in README.md.",
            text=text,
        )
    for char in text:
        if unicodedata.category(char) in _UNSHOWN:
            raise InvalidInputError(
                f"The {what} holds the character U+{ord(char):04X}, which no line of text has.",
                hint="Give one line without control characters.",
                text=text,
            )
    return text


def build_title(name: str) -> str:
    """Return a name for people: `first_steps` gives `First steps`."""
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]


def build_class_name(name: str) -> str:
    """Return the name in the way classes are named: `first_steps` gives `FirstSteps`."""
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def build_function_name(name: str) -> str:
    """Return a function's name that hides no builtin: `filter` gives `filter_action`."""
    return f"{name}_action" if name in dir(builtins) else name


def _why_no_name(name: str, most: int) -> str:
    if not name:
        return "it is empty"
    if len(name) > most:
        return f"it has {len(name)} characters, and at most {most} are allowed"
    if not _NAME.fullmatch(name):
        return (
            "allowed are lower-case letters a to z, digits, and single underscores between them, "
            "with a letter first"
        )
    if keyword.iskeyword(name):
        return "it is a keyword of Python"
    if name in _NOT_FOR_WINDOWS:
        return "Windows has no files of this name"
    return ""


def _why_no_code(code: str) -> str:
    if code in sys.stdlib_module_names:
        return "its package would hide Python's own module of this name"
    if code in _OF_SYNAPSE:
        return "its package would hide a library that Synapse itself needs"
    if code in _OF_OTHERS:
        return "its package would hide the well-known library of this name"
    if code in _OF_THE_PLUGIN:
        return "the name has another meaning at the top of a plugin"
    return ""


def _why_no_action(name: str) -> str:
    if name.startswith("test_") or name.endswith("_test") or name == "conftest":
        return "its module would be taken for a test"
    return ""


def _suggest(name: str, kind: str, most: int, why_not: Callable[[str], str]) -> str:
    """Return the nearest name that is allowed."""
    plain = unicodedata.normalize("NFKD", name[: 10 * most]).encode("ascii", "ignore").decode()
    # `HTTPServer v2` and `httpServerV2` have word borders that lower case would lose.
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain)
    words = re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")
    candidate = words.lstrip("0123456789_")[:most].rstrip("_") or f"my_{kind}"
    for fallback in (candidate, f"my_{candidate}"[:most].rstrip("_")):
        if not _why_no_name(fallback, most) and not why_not(fallback):
            return fallback
    return f"my_{kind}"


def _shown(name: str) -> str:
    """Return the name as a literal, short and without characters that could harm a terminal."""
    short = name if len(name) <= 2 * MAX_CODE_CHARS else name[: 2 * MAX_CODE_CHARS] + "…"
    return ascii(short) if not short.isprintable() else repr(short)
