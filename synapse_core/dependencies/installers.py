"""The programs that make virtual environments and install libraries into them."""

import importlib.util
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from synapse_core.dependencies.wanted import InstallerChoice
from synapse_core.errors import DependencyError

__all__ = ["Installer", "find_installers", "lacks_pip"]


@dataclass(frozen=True, slots=True)
class Installer:
    """One program, and the arguments it takes.

    Attributes:
        name: What `config.yaml` calls it.
        program: How it is started.
    """

    name: Literal["uv", "pip"]
    program: tuple[str, ...]

    def create(self, folder: Path) -> list[str]:
        """Return the command that makes an environment without any library."""
        if self.name == "uv":
            options = ["--quiet", "--no-project", "--python", sys.executable]
            return [*self.program, "venv", *options, str(folder)]
        # Without a pip of our own, the environment gets the one that came with Python.
        bare = [] if lacks_pip() else ["--without-pip"]
        return [sys.executable, "-m", "venv", *bare, str(folder)]

    def install(self, python: Path, arguments: list[str], options: tuple[str, ...]) -> list[str]:
        """Return the command that installs into the environment of `python`.

        Args:
            python: The environment's interpreter.
            arguments: Such as both know alike: files of requirements and constraints, links.
            options: What the plugin's configuration adds.
        """
        if self.name == "uv":
            command = [*self.program, "pip", "install", "--python", str(python)]
            command += ["--no-progress", "--compile-bytecode"]
        elif lacks_pip():
            command = [str(python), "-m", "pip", "install", "--no-input"]
        else:
            command = [*self.program, "--python", str(python), "install", "--no-input"]
        return [*command, *arguments, *options]


def find_installers(choice: InstallerChoice, variables: Mapping[str, str]) -> list[Installer]:
    """Return the programs to try, in this order; the plugin's wish is the only one tried.

    Without a wish, uv comes first, since it is many times faster. Where it finds nothing, pip may:
    people tend to configure only one of the two.

    Raises:
        DependencyError: The one that is wished for is not there.
    """
    pip = Installer("pip", (sys.executable, "-m", "pip", "--disable-pip-version-check"))
    if choice.manager == "pip":
        return [pip]
    path = _find_uv(variables)
    if path is not None:
        uv = Installer("uv", (path,))
        return [uv] if choice.manager == "uv" or choice.options else [uv, pip]
    if choice.manager == "uv":
        raise DependencyError(
            "The plugin wants its libraries installed with uv, which is not installed.",
            hint="Install it, for example with `pip install uv`, or leave out package_manager.",
        )
    return [pip]


def lacks_pip() -> bool:
    """Whether this interpreter cannot run pip itself."""
    return importlib.util.find_spec("pip") is None


def _find_uv(variables: Mapping[str, str]) -> str | None:
    beside = Path(sys.executable).with_name("uv")
    if beside.is_file():
        return str(beside)
    return shutil.which("uv", path=variables.get("PATH"))
