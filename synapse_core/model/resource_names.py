"""The names by which runs ask for what nodes of a cluster claim to have."""

__all__ = ["explain_bad_resource"]

_MAX_CHARS = 100

_KNOWN = {
    "CPU": "CPU cores are asked for as `cpus`",
    "GPU": "GPUs are asked for as `gpus`",
    "memory": "memory is asked for as `memory`",
    "object_store_memory": "Ray keeps that for itself",
}


def explain_bad_resource(name: str) -> str:
    """Return why no further resource can be asked for by this name; empty when one can."""
    if not name:
        return "it is empty"
    if len(name) > _MAX_CHARS:
        return f"it has {len(name)} characters, and at most {_MAX_CHARS} are allowed"
    if " " in name or not name.isprintable():
        return "spaces and control characters are not allowed"
    return _KNOWN.get(name, "")
