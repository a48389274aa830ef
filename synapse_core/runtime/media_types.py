"""Which media type a file has, by its name."""

import re
from pathlib import PurePosixPath

from synapse_core.errors import InvalidInputError
from synapse_core.runtime.json_safe import safe_repr

__all__ = ["checked_media_type", "guess_media_type"]

_UNKNOWN = "application/octet-stream"

_BY_SUFFIX = {
    ".csv": "text/csv",
    ".gif": "image/gif",
    ".gz": "application/gzip",
    ".htm": "text/html",
    ".html": "text/html",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".log": "text/plain",
    ".md": "text/markdown",
    ".mp4": "video/mp4",
    ".npy": "application/x-npy",
    ".onnx": "application/onnx",
    ".parquet": "application/vnd.apache.parquet",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".pt": _UNKNOWN,
    ".py": "text/x-python",
    ".safetensors": _UNKNOWN,
    ".svg": "image/svg+xml",
    ".tar": "application/x-tar",
    ".toml": "application/toml",
    ".tsv": "text/tab-separated-values",
    ".txt": "text/plain",
    ".wav": "audio/wav",
    ".webp": "image/webp",
    ".xml": "application/xml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".zip": "application/zip",
}
"""What runs save most: answered without reading the system's tables, and alike on all of them."""

_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(?:; ?[\w.+-]+=[\w.+\"-]+)*", re.ASCII)


def guess_media_type(name: str) -> str:
    """Return the IANA media type for a file of this name."""
    suffix = PurePosixPath(name).suffix.lower()
    if not suffix:
        return _UNKNOWN
    known = _BY_SUFFIX.get(suffix)
    if known is not None:
        return known
    import mimetypes  # noqa: PLC0415 - reads the system's tables, which few files need

    guessed, encoding = mimetypes.guess_type(f"file{suffix}")
    return _UNKNOWN if guessed is None or encoding is not None else guessed


def checked_media_type(media_type: str) -> str:
    """Return the media type a caller gave.

    Raises:
        InvalidInputError: It has not the form of one.
    """
    if _TYPE.fullmatch(media_type) is None:
        raise InvalidInputError(
            f"{safe_repr(media_type)[:100]} is no media type.",
            hint='Write it like "image/png", or leave it out: the name tells it.',
        )
    return media_type
