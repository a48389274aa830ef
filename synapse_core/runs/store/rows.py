"""How a run stands in a row of a database."""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from functools import lru_cache
from typing import Any

from synapse_core.errors import StoreUnavailableError
from synapse_core.model.documents import failure_of, known_fields, summary_of
from synapse_core.model.run import (
    Resources,
    RetryPolicy,
    Run,
    RunFailure,
    RunKind,
    RunStatus,
    RunSummary,
)
from synapse_core.runs.store.database import Cell, Texts

__all__ = ["CHANGING", "COLUMNS", "PAYLOAD", "cells_of", "payload_of", "run_of"]

_TEXTS = ("id", "plugin", "action", "owner", "idempotency_key", "parent_id")
_FIXED = ("id", "plugin", "action", "created_at", "idempotency_key", "parent_id")

CHANGING = (
    "status",
    "attempt",
    "owner",
    "lease_expires_at",
    "cancel_requested_at",
    "cancel_force",
    "started_at",
    "finished_at",
    "failure",
    "summary",
)
"""Columns that change in the life of a run."""

COLUMNS = (*_FIXED, "spec", *CHANGING)
"""Columns of `runs` but its number."""

PAYLOAD = ("params", "env", "result")
"""Columns of `payloads` but its number."""

# A field that a later version of the model adds goes in here without a migration.
_SPEC = tuple(field.name for field in fields(Run) if field.name not in {*COLUMNS, *PAYLOAD})

_SUMMARY = tuple(field.name for field in fields(RunSummary))
_RETRY = tuple(field.name for field in fields(RetryPolicy))
_RESOURCES = tuple(field.name for field in fields(Resources))

_READ = frozenset({*_TEXTS, "status", "cancel_force", "failure", "summary"})
_PLAIN = tuple(name for name in (*_FIXED, *CHANGING) if name not in _READ)
"""Columns that stand in a row as they do in a run."""


def cells_of(run: Run, columns: tuple[str, ...], texts: Texts) -> list[Cell]:
    """Return the cells of these columns."""
    return [_cell(run, column, texts) for column in columns]


def payload_of(run: Run) -> list[Cell]:
    """Return the cells of `PAYLOAD`."""
    result = None if run.result is None else json.dumps(run.result)
    return [json.dumps(run.params), json.dumps(run.env), result]


def run_of(row: Mapping[str, Any], texts: Texts) -> Run:
    """Return the run of a row with `COLUMNS`; `PAYLOAD` is taken where it is there.

    Raises:
        StoreUnavailableError: A cell does not hold what it should.
    """
    try:
        return _parse(row, texts)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreUnavailableError(
            f"The record of run {row['id']!r} is damaged: {error!r}.",
            hint="Remove the run with `synapse run rm`; its journal and files stay readable.",
        ) from error


def _parse(row: Mapping[str, Any], texts: Texts) -> Run:
    told: dict[str, Any] = {**_spec_of(row["spec"])}
    for name in _PLAIN:
        told[name] = row[name]
    for name in _TEXTS:
        told[name] = texts.read(row[name])
    for name in PAYLOAD:
        if (text := row.get(name)) is not None:
            told[name] = json.loads(text)
    told["status"] = RunStatus(row["status"])
    told["cancel_force"] = bool(row["cancel_force"])
    told["failure"] = _failure(row["failure"])
    told["summary"] = _summary(row["summary"])
    return Run(**told)


@lru_cache(maxsize=256)
def _spec_of(text: str) -> Mapping[str, Any]:
    """Return the fields in a spec, which all runs of an action that came together share."""
    spec = known_fields(Run, json.loads(text))
    spec["retry"] = RetryPolicy(**known_fields(RetryPolicy, spec["retry"]))
    spec["resources"] = Resources(**known_fields(Resources, spec["resources"]))
    spec["kind"] = RunKind(spec.get("kind", RunKind.ACTION))
    return spec


def _cell(run: Run, column: str, texts: Texts) -> Cell:
    match column:
        case "spec":
            spec: dict[str, Any] = {name: getattr(run, name) for name in _SPEC}
            spec["retry"] = _plain(run.retry, _RETRY)
            spec["resources"] = _plain(run.resources, _RESOURCES)
            return json.dumps(spec)
        case "failure":
            return None if run.failure is None else json.dumps(asdict(run.failure))
        case "summary":
            return None if run.summary == RunSummary() else json.dumps(_document(run.summary))
        case "status":
            return run.status.value
        case _ if column in _TEXTS:
            return texts.bind(getattr(run, column))
        case _:
            return getattr(run, column)


def _document(summary: RunSummary) -> dict[str, Any]:
    document = _plain(summary, _SUMMARY)
    for name in ("progress", "artifacts"):
        document[name] = {key: asdict(value) for key, value in document[name].items()}
    return document


def _plain(model: object, names: tuple[str, ...]) -> dict[str, Any]:
    # `asdict` copies all that is in there, which takes as long as the rest of the row.
    return {name: getattr(model, name) for name in names}


def _failure(text: str | None) -> RunFailure | None:
    return None if text is None else failure_of(json.loads(text))


def _summary(text: str | None) -> RunSummary:
    return RunSummary() if text is None else summary_of(json.loads(text))
