"""Named endpoints and credentials, such as `dev` and `prod`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from synapse_core.errors import ConfigError

__all__ = [
    "ClusterEntry",
    "Environment",
    "check_environment_name",
    "check_service_url",
    "check_variables",
]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterEntry:
    """A Ray cluster of an environment. Its token is left out of its `repr`.

    Attributes:
        address: `host:port` of its head, or `ray://host:port`; None where only jobs go there.
        dashboard: URL of its dashboard, where jobs are submitted; None where none are.
        token: Secret for the cluster, as it stands in the configuration.
        token_variable: Variable of the calling process that holds the secret instead.
        service: URL by which its nodes reach the service that has the runs; None where they all
            share the disk with them.
        service_token: Secret for that service, of scope `run`.
        service_token_variable: Variable of the calling process that holds it instead.
        python: Interpreter of the nodes that has Synapse, for jobs; None for the one in use here.
    """

    address: str | None = None
    dashboard: str | None = None
    token: str | None = field(default=None, repr=False)
    token_variable: str | None = None
    service: str | None = None
    service_token: str | None = field(default=None, repr=False)
    service_token_variable: str | None = None
    python: str | None = None

    @property
    def token_variables(self) -> tuple[str, ...]:
        """The variables of the calling process that hold its secrets."""
        names = (self.token_variable, self.service_token_variable)
        return tuple(name for name in names if name is not None)

    def find_service_token(self, environ: Mapping[str, str]) -> str | None:
        """Return the secret for the service, None when there is none.

        Raises:
            ConfigError: It should be in a variable that is not set.
        """
        return _find_token(
            "The cluster's service", self.service_token, self.service_token_variable, environ
        )

    def find_token(self, environ: Mapping[str, str]) -> str | None:
        """Return the secret, None when there is none.

        Raises:
            ConfigError: It should be in a variable that is not set.
        """
        return _find_token("The cluster", self.token, self.token_variable, environ)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One environment. Its secrets are left out of its `repr`.

    Attributes:
        name: What it is chosen by.
        service_url: Base URL of the service; None where there is none.
        token: Secret for the service, as it stands in the configuration.
        token_variable: Variable of the calling process that holds the secret instead.
        variables: Given to every run that is started in it.
        clusters: Ray clusters on which its runs can be placed, by name.
    """

    name: str
    service_url: str | None = None
    token: str | None = field(default=None, repr=False)
    token_variable: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    clusters: Mapping[str, ClusterEntry] = field(default_factory=dict[str, ClusterEntry])

    def find_token(self, environ: Mapping[str, str]) -> str | None:
        """Return the secret, None when there is none.

        Raises:
            ConfigError: It should be in a variable that is not set.
        """
        owner = f"Environment {self.name!r}"
        return _find_token(owner, self.token, self.token_variable, environ)


def _find_token(
    owner: str, token: str | None, variable: str | None, environ: Mapping[str, str]
) -> str | None:
    if variable is None:
        return token
    held = environ.get(variable)
    if not held:
        raise ConfigError(
            f"{owner} takes its token from the variable {variable}, which is not set.",
            hint=f"Set it: export {variable}=…",
            variable=variable,
        )
    return held


def check_environment_name(name: str) -> str:
    """Return the name.

    Raises:
        ConfigError: It is none that can be typed in a shell without quoting.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} is no name for an environment.",
            hint="Begin with a letter or digit; go on with letters, digits, `.`, `-` and `_`, "
            "63 in all.",
        )
    return name


def check_service_url(url: str) -> str:
    """Return the URL without a slash at its end.

    Raises:
        ConfigError: It is no http or https URL, or carries credentials.
    """
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
        is_usable = is_usable and not any(c.isspace() for c in url) and parts.port != 0
    except ValueError as error:
        raise ConfigError(
            f"The service URL cannot be parsed: {error}.", hint="Give one such as https://host:8100"
        ) from error
    if not is_usable:
        raise ConfigError(
            f"The service URL {url!r} is no http or https address.",
            hint="Give one such as https://synapse.example.com",
        )
    if parts.username or parts.password:
        # Not shown: URLs end up in logs and in process lists, tokens must not.
        raise ConfigError(
            f"The service URL for {parts.hostname} carries a user name or password.",
            hint="Leave them out of the URL and give a token instead.",
        )
    return url.rstrip("/")


def check_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables.

    Raises:
        ConfigError: A name or value is none that a process can have.
    """
    for name, value in variables.items():
        if not _VARIABLE.fullmatch(name):
            raise ConfigError(
                f"{name!r} is no name for a variable.",
                hint="Use letters, digits and `_`, and begin with no digit.",
            )
        if "\0" in value:
            raise ConfigError(
                f"The value of {name} holds a NUL character, which no process can be given.",
                hint="Encode it, for example as base64.",
            )
    return dict(variables)
