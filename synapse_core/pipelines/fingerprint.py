"""Tells whether code and inputs are the same as before, by their content."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from synapse_core.model.pipeline import Target
from synapse_core.plugins.files import find_files
from synapse_core.plugins.layout import MANIFEST
from synapse_core.types import JSONObject, JSONValue

__all__ = ["digest_code", "digest_inputs"]

_CHUNK_BYTES = 1 << 20
_MOST_FILES = 100_000


def digest_code(folder: Path) -> str:
    """Return what changes with the source of a plugin, or with what it asks to be installed.

    Its `config.yaml` does not count: a pipeline that is changed there changes no action.
    """
    digest = hashlib.blake2b(digest_size=16)
    for file in find_files(folder):
        if file.path != MANIFEST:
            digest.update(f"{file.path}\0".encode(errors="surrogateescape"))
            _add_file(digest, folder / file.path)
    return digest.hexdigest()


def digest_inputs(target: Target, params: JSONObject) -> str:
    """Return what changes with the code and with what it is given.

    Text that is the absolute path of a file or folder stands for the content of the file, and for
    the names, sizes and times of all files in the folder.
    """
    digest = hashlib.blake2b(digest_size=16)
    facts = [target.entrypoint, target.code, sorted(target.env.items()), params]
    digest.update(json.dumps(facts, sort_keys=True).encode(errors="surrogatepass"))
    for path in _paths_in(params):
        if path.is_file():
            _add_file(digest, path)
        elif path.is_dir():
            for line in _list_folder(path):
                digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()


def _paths_in(value: JSONValue) -> Iterator[Path]:
    match value:
        case str() if value.startswith("/") and "\0" not in value:
            yield Path(value)
        case dict():
            for one in value.values():
                yield from _paths_in(one)
        case list():
            for one in value:
                yield from _paths_in(one)
        case _:
            pass


def _list_folder(folder: Path) -> Iterator[str]:
    count = 0
    for place, names, files in os.walk(folder):
        names.sort()
        for file in sorted(files):
            count += 1
            if count > _MOST_FILES:
                return
            status = (Path(place) / file).lstat()
            yield f"{place}/{file}\0{status.st_size}\0{status.st_mtime_ns}\n"


def _add_file(digest: "hashlib.blake2b", path: Path) -> None:
    try:
        with path.open("rb") as content:
            while chunk := content.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:  # it vanished, or is not for this user: the next look may see another
        digest.update(f"unreadable {error.errno}".encode())
