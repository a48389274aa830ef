"""The variables an installer may see."""

import re
from collections.abc import Mapping

__all__ = ["installer_variables"]

_VARIABLES = re.compile(
    r"""
      PATH | HOME | USER | LOGNAME | LANG | LC_\w+ | TMPDIR | NETRC | XDG_\w+_(?:HOME|DIRS)
    | UV_\w+ | PIP_\w+ | (?i:https?_proxy | all_proxy | no_proxy)
    | SSL_CERT_FILE | SSL_CERT_DIR | REQUESTS_CA_BUNDLE | SSH_AUTH_SOCK
    | CC | CXX | CFLAGS | CXXFLAGS | LDFLAGS | CPATH | LIBRARY_PATH | LD_LIBRARY_PATH | CUDA_HOME
    | MACOSX_DEPLOYMENT_TARGET | SDKROOT
    """,
    re.VERBOSE,
)

_ELSEWHERE = frozenset(
    {
        "PIP_PREFIX",
        "PIP_PYTHON",
        "PIP_REQUIRE_VIRTUALENV",
        "PIP_ROOT",
        "PIP_TARGET",
        "PIP_USER",
        "UV_PYTHON",
        "UV_SYSTEM_PYTHON",
    }
)
"""Settings that would lead an installation somewhere else than into the environment."""


def installer_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that an installer gets: what it is configured with, and no others.

    An action never sees them: they may hold the credentials of an index.
    """
    return {
        name: value
        for name, value in environ.items()
        if _VARIABLES.fullmatch(name) and name not in _ELSEWHERE
    }
