"""Environments and registered plugin folders, as every door shows and changes them.

These verbs take the home and no workspace: they work when no run store can be opened. What they
return holds no secret, but for what runs are given and what is to be hidden.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from synapse_core.config.editing import edit_settings
from synapse_core.config.environments import Environment
from synapse_core.config.home import Home
from synapse_core.config.settings import Settings, UnknownKey, load_settings
from synapse_core.errors import ConflictError, EnvironmentNotFoundError, NotFoundError, nearest
from synapse_core.logs.redact import Redactor
from synapse_core.logs.secret_values import secrets_of_variables
from synapse_core.types import JSONValue

__all__ = [
    "EnvironmentView",
    "add_environment",
    "list_environments",
    "list_plugin_folders",
    "list_secrets",
    "register_plugin_folder",
    "remove_environment",
    "run_variables",
    "service_environment",
    "show_environment",
    "unknown_keys",
    "unregister_plugin_folder",
    "use_environment",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentView:
    """An environment without its secrets.

    Attributes:
        name: What it is chosen by.
        is_active: Whether runs use it unless another one is named.
        service_url: Base URL of the service; None where there is none.
        token: Where the token comes from: `configuration`, `variable NAME`, or None for no token.
        variables: What runs are given; values that look like secrets are replaced.
    """

    name: str
    is_active: bool
    service_url: str | None = None
    token: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict[str, str])


def list_environments(home: Home) -> tuple[EnvironmentView, ...]:
    """Return all environments, in the order of the configuration.

    Raises:
        ConfigError: The configuration is broken.
    """
    settings = load_settings(home.config_file)
    return tuple(_view(settings, known) for known in settings.environments.values())


def show_environment(home: Home, name: str | None = None) -> EnvironmentView:
    """Return one environment; the active one when none is named.

    Raises:
        EnvironmentNotFoundError: There is none of this name, or none is active.
    """
    settings = load_settings(home.config_file)
    found = settings.environment(name)
    if found is None:
        known = ", ".join(settings.environments)
        raise EnvironmentNotFoundError(
            "No environment is active.",
            hint=f"Name one of: {known}." if known else "Add one first: synapse env add NAME",
        )
    return _view(settings, found)


def add_environment(
    home: Home, environment: Environment, *, replace: bool = False, activate: bool = False
) -> EnvironmentView:
    """Add an environment; the first one becomes the active one.

    Args:
        home: Where the configuration lies.
        environment: What to add, with its secrets.
        replace: Replace one of the same name; comments and unknown keys of it stay.
        activate: Make it the active one.

    Raises:
        ConflictError: There is one of this name, and `replace` is not set; nothing was changed.
        ConfigError: A name, URL or variable cannot be used.
    """
    with edit_settings(home.config_file) as editor:
        known = editor.settings.environments
        if environment.name in known and not replace:
            raise ConflictError(
                f"There already is an environment {environment.name!r}.",
                hint="Choose another name, or say that it is to be replaced.",
                environment=environment.name,
            )
        editor.put_environment(environment)
        if activate or not known:
            editor.activate(environment.name)
    return show_environment(home, environment.name)


def use_environment(home: Home, name: str | None) -> EnvironmentView | None:
    """Make the environment the active one; None for no active one.

    Raises:
        EnvironmentNotFoundError: There is none of this name.
    """
    with edit_settings(home.config_file) as editor:
        if name is not None:
            editor.settings.environment(name)
        editor.activate(name)
    return show_environment(home, name) if name is not None else None


def remove_environment(home: Home, name: str) -> EnvironmentView:
    """Forget the environment with its token, and return what it was.

    Raises:
        EnvironmentNotFoundError: There is none of this name.
    """
    with edit_settings(home.config_file) as editor:
        found = editor.settings.environment(name)
        if found is None:  # only for no name at all
            raise EnvironmentNotFoundError("No environment is named.", hint="Name one.")
        view = _view(editor.settings, found)
        editor.remove_environment(name)
    return view


def run_variables(home: Home, name: str | None = None) -> dict[str, str]:
    """Return what a run is given in this environment, or in the active one; with its secrets.

    Raises:
        EnvironmentNotFoundError: There is none of this name.
    """
    found = load_settings(home.config_file).environment(name)
    return dict(found.variables) if found is not None else {}


def list_secrets(home: Home, environ: Mapping[str, str]) -> list[str]:
    """Return what the environments keep secret, so that it can be hidden wherever it turns up.

    Args:
        home: Where the configuration lies.
        environ: Variables of this process, which may hold tokens.

    Raises:
        ConfigError: The configuration is broken.
    """
    secrets: list[str] = []
    for known in load_settings(home.config_file).environments.values():
        secrets += secrets_of_variables(known.variables)
        token = environ.get(known.token_variable) if known.token_variable else known.token
        secrets += [token] if token else []
    return secrets


def service_environment(home: Home, name: str | None = None) -> Environment | None:
    """Return the named or else the active environment, with its secrets, if it names a service.

    Raises:
        EnvironmentNotFoundError: There is none of this name.
    """
    found = load_settings(home.config_file).environment(name)
    return found if found is not None and found.service_url is not None else None


def unknown_keys(home: Home) -> tuple[UnknownKey, ...]:
    """Return the keys of the configuration that mean nothing to this version."""
    return load_settings(home.config_file).unknown


def list_plugin_folders(home: Home) -> tuple[Path, ...]:
    """Return the registered plugin folders, also those that are not there any more."""
    return load_settings(home.config_file).plugin_folders


def register_plugin_folder(home: Home, folder: Path) -> tuple[Path, ...]:
    """Have plugins looked for in the folder from now on, and return all registered ones.

    Doing it again changes nothing.

    Raises:
        NotFoundError: There is no such folder.
    """
    found = folder.expanduser().absolute()
    if not found.is_dir():
        what = "is no folder" if found.exists() else "does not exist"
        raise NotFoundError(
            f"{folder} {what}.", hint="Name the folder that holds plugins.", path=str(folder)
        )
    with edit_settings(home.config_file) as editor:
        if found.resolve() not in _resolved(editor.settings.plugin_folders):
            editor.put_folders([*editor.listed_folders(), str(found)])
    return list_plugin_folders(home)


def unregister_plugin_folder(home: Home, folder: Path) -> tuple[Path, ...]:
    """Look for plugins in the folder no longer, and return those still registered.

    Raises:
        NotFoundError: It is not registered.
    """
    wanted = folder.expanduser().absolute().resolve()
    with edit_settings(home.config_file) as editor:
        registered = _resolved(editor.settings.plugin_folders)
        if wanted not in registered:
            known = [str(path) for path in editor.settings.plugin_folders]
            listed = ", ".join(known) or "none"
            raise NotFoundError(
                f"{folder} is not registered.",
                hint=f"{nearest(str(folder), known)} Registered: {listed}.".strip(),
                path=str(folder),
                known=list[JSONValue](known),
            )
        kept = zip(editor.listed_folders(), registered, strict=True)
        editor.put_folders([text for text, path in kept if path != wanted])
    return list_plugin_folders(home)


def _resolved(folders: tuple[Path, ...]) -> list[Path]:
    return [folder.resolve() for folder in folders]


def _view(settings: Settings, environment: Environment) -> EnvironmentView:
    token = "configuration" if environment.token is not None else None
    if environment.token_variable is not None:
        token = f"variable {environment.token_variable}"
    shown = Redactor([environment.token] if environment.token else []).value(
        dict[str, JSONValue](environment.variables)
    )
    variables = {key: str(value) for key, value in shown.items()} if isinstance(shown, dict) else {}
    return EnvironmentView(
        name=environment.name,
        is_active=environment.name == settings.active,
        service_url=environment.service_url,
        token=token,
        variables=variables,
    )
