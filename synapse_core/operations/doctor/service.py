"""Looks at the service that the active environment names."""

import time
from collections.abc import Iterator, Mapping

from synapse_core.config.environments import Environment
from synapse_core.config.home import Home
from synapse_core.errors import StoreUnavailableError, UnauthorizedError
from synapse_core.operations.doctor.findings import Finding, FindingLevel
from synapse_core.operations.environments import service_environment
from synapse_core.types import JSONObject
from synapse_core.version import __version__

__all__ = ["check_service"]

_PATIENCE_S = 5.0
_SLOW_MS = 500.0
_MAY_ONLY_READ = "read"

OK, WARNING, ERROR = FindingLevel.OK, FindingLevel.WARNING, FindingLevel.ERROR


def check_service(home: Home, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look whether the service is there, lets this user in, works, and is of this version.

    Raises:
        ConfigError: The configuration is broken, or the token's variable is not set.
    """
    environment = service_environment(home)
    if environment is None or environment.service_url is None:
        return
    url, token = environment.service_url, environment.find_token(environ)
    if token is None:
        yield _finding(
            ERROR,
            f"The environment {environment.name} has no token for the service at {url}.",
            _new_token(environment),
        )
        return
    try:
        version, took_ms = _ask_version(url, token)
    except UnauthorizedError as error:
        yield _finding(
            ERROR,
            f"The service at {url} does not take the token of {environment.name}: {error.message}",
            _new_token(environment),
        )
        return
    except StoreUnavailableError as error:
        yield _finding(ERROR, error.message, error.hint)
        return
    yield from _judge(url, version, took_ms)
    yield from _look_whether_ready(url)


def _judge(url: str, version: JSONObject, took_ms: float) -> Iterator[Finding]:
    theirs, scope = str(version.get("version")), str(version.get("scope"))
    is_slow = took_ms > _SLOW_MS
    yield _finding(
        WARNING if is_slow else OK,
        f"The service at {url} has version {theirs}, answers in {took_ms:g} ms, and the token "
        f"opens the scope {scope}.",
        "The way there is slow: following runs will lag." if is_slow else "",
        {"version": theirs, "scope": scope, "took_ms": took_ms},
    )
    if scope == _MAY_ONLY_READ:
        yield _finding(
            WARNING,
            "The token may only read: no run can be started or stopped there.",
            "Ask whoever runs the service for a token of scope run.",
        )
    if _release(theirs) != _release(__version__):
        yield _finding(
            WARNING,
            f"The service has version {theirs}, and this is {__version__}.",
            "Use the same version on both sides: what one of them is new to, the other misses.",
        )


def _look_whether_ready(url: str) -> Iterator[Finding]:
    from synapse_core.clients.call import Call  # noqa: PLC0415 - see _ask_version
    from synapse_core.clients.sync_session import Session  # noqa: PLC0415 - see _ask_version

    with Session(url, timeout_s=_PATIENCE_S, patience_s=0) as session:
        try:
            session.call(Call(method="GET", path="/ready"))
        except StoreUnavailableError:
            yield _finding(
                ERROR,
                f"The service at {url} cannot work: its run store cannot be used, or it is ending.",
                "Run `synapse doctor` on its machine.",
            )


def _ask_version(url: str, token: str) -> tuple[JSONObject, float]:
    # Few have a service, and what speaks HTTP takes longer to import than all the rest.
    from synapse_core.clients.call import Call  # noqa: PLC0415 - see above
    from synapse_core.clients.sync_session import Session  # noqa: PLC0415 - see above

    with Session(url, token, timeout_s=_PATIENCE_S, patience_s=0) as session:
        call = Call(method="GET", path="/api/v1/version")
        session.call(call)  # connects
        started = time.perf_counter()
        answer = session.call(call)
        return answer, round((time.perf_counter() - started) * 1000, 1)


def _release(version: str) -> tuple[str, ...]:
    """Return what two versions that fit together share."""
    return tuple(version.split(".")[:2])


def _new_token(environment: Environment) -> str:
    return (
        "Get one from whoever runs the service, then: synapse env add "
        f"{environment.name} --url {environment.service_url} --token --replace"
    )


def _finding(
    level: FindingLevel, message: str, fix: str = "", facts: JSONObject | None = None
) -> Finding:
    return Finding(check="service", level=level, message=message, fix=fix, facts=facts or {})
