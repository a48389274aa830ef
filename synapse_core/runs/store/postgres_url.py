"""Addresses of PostgreSQL stores: what is asked of them, and how they are shown."""

from urllib.parse import parse_qsl, quote, unquote, urlsplit

from synapse_core.errors import ConfigError

__all__ = ["check_url", "is_postgres_url", "secrets_of_url", "show_url"]

_SCHEMES = ("postgresql", "postgres")


def is_postgres_url(text: str) -> bool:
    """Whether the text is the address of a PostgreSQL database, or meant to be."""
    return text.partition(":")[0].lower() in _SCHEMES


def check_url(text: str) -> str:
    """Return the address.

    Raises:
        ConfigError: It names no database.
    """
    try:
        parts = urlsplit(text)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        port_is_right = False
        parts = urlsplit("")
    if not port_is_right or parts.scheme not in _SCHEMES or not unquote(parts.path).strip("/"):
        raise ConfigError(
            "The address of the store is no PostgreSQL URL with a database.",
            hint="Write postgresql://USER:PASSWORD@HOST:5432/DATABASE; characters such as @, / "
            "and : in a password are written %40, %2F and %3A.",
        )
    return text


def show_url(url: str) -> str:
    """Return the address without password and options, which may hold one."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    name = quote(unquote(parts.username or ""), safe="")
    where = f"{name}@{host}" if name else host
    port = f":{parts.port}" if parts.port is not None else ""
    return f"{parts.scheme}://{where}{port}{parts.path}"


def secrets_of_url(url: str) -> list[str]:
    """Return what must never be shown of the address."""
    parts = urlsplit(url)
    found = [url, parts.password or "", unquote(parts.password or "")]
    found += [value for name, value in parse_qsl(parts.query) if "pass" in name]
    return sorted({secret for secret in found if secret}, key=len, reverse=True)
