"""What tests ask of a service that has to know of a run."""

from typing import Any

import httpx2

from synapse_core.model.documents import run_document
from synapse_core.model.event import EventKind
from synapse_core.runs.records import format_records
from synapse_core.testing.contracts.runs import a_run

RUN = "20260101-000000-00000001"


def as_(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def recorded(client: httpx2.Client, **given: Any) -> None:  # noqa: ANN401 - the fields of a run
    run = a_run(0, **{"id": RUN, "executor": "elsewhere", **given})
    answer = client.put(f"/api/v1/runs/{RUN}", json=run_document(run))
    assert answer.status_code == 201, answer.text


def owned(client: httpx2.Client, owner: str = "me") -> None:
    recorded(client)
    order = {"owner": owner, "lease_s": 60}
    assert client.post(f"/api/v1/runs/{RUN}/claim", json=order).status_code == 200


def batch(first: int, last: int, *, ends: bool = False) -> bytes:
    lines = [
        format_records(
            seq, 1_500_000, EventKind.LOG, [b'{"level":"info","message":"line %d"}' % seq]
        )
        for seq in range(first, last + 1)
    ]
    if ends:
        data = b'{"status":"succeeded","attempt":1}'
        lines[-1] = format_records(last, 1_500_000, EventKind.STATUS, [data])
    return b"".join(lines)
