"""Ray's Jobs API over HTTP: it needs no Ray here, and works with clusters of any version."""

import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from synapse_core.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    SynapseError,
    UnauthorizedError,
    WorkerLostError,
)
from synapse_core.model.run import Resources
from synapse_core.types import JSONObject

__all__ = ["ENDED", "JobInfo", "JobsApi"]

TIMEOUT_S = 30.0
PATIENCE_S = 30.0
"""The dashboard of a cluster that has just come up answers before it can take jobs."""

_PAUSE_S = 0.2
_NOT_YET = "No available agent"
ENDED = frozenset({"SUCCEEDED", "FAILED", "STOPPED"})
"""States of a job that never change again."""

_MAX_ANSWER_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class JobInfo:
    """How a job stands.

    Attributes:
        status: `PENDING`, `RUNNING`, `SUCCEEDED`, `FAILED` or `STOPPED`.
        message: What Ray says about it; may be empty.
    """

    status: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class JobsApi:
    """The Jobs API of one cluster.

    Attributes:
        url: Base URL of the dashboard.
        token: What it asks for; empty for one without a token.
        timeout_s: How long to wait for each answer.
    """

    url: str
    token: str = field(default="", repr=False)
    timeout_s: float = TIMEOUT_S

    def submit(
        self,
        job_id: str,
        entrypoint: str,
        *,
        resources: Resources = Resources(),
        runtime_env: Mapping[str, Any] | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Submit a job; one that was submitted before under this id is left as it is.

        Args:
            job_id: Id of the job.
            entrypoint: Shell command that it executes.
            resources: What to reserve for it; without any it runs on the head's machine.
            runtime_env: As Ray takes it.
            metadata: Shown by the dashboard.

        Raises:
            SynapseError: It was not submitted.
        """
        body: dict[str, Any] = {
            "submission_id": job_id,
            "entrypoint": entrypoint,
            "runtime_env": dict(runtime_env or {}),
            "metadata": dict(metadata or {}),
        }
        if resources.cpus is not None:
            body["entrypoint_num_cpus"] = resources.cpus
        if resources.gpus:
            body["entrypoint_num_gpus"] = resources.gpus
        if resources.memory_mb:
            body["entrypoint_memory"] = resources.memory_mb << 20
        if resources.custom:
            body["entrypoint_resources"] = resources.custom
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                self._ask("POST", "/api/jobs/", body)
            except (ConflictError, WorkerLostError) as error:
                if self.find(job_id) is not None:
                    return
                if _NOT_YET not in error.message or time.monotonic() > until:
                    raise
                time.sleep(_PAUSE_S)
            else:
                return

    def send(self, name: str, content: bytes) -> str:
        """Have the cluster keep a package, unless it has one of this name; return its URI.

        Args:
            name: Name of the package, with the digest of its content in it.
            content: A ZIP archive.

        Raises:
            InvalidInputError: It is larger than the cluster takes.
            SynapseError: It was not taken.
        """
        path = f"/api/packages/gcs/{_quoted(name)}"
        try:
            self._send("GET", path, None, "application/json")
        except NotFoundError:
            self._send("PUT", path, content, "application/octet-stream")
        return f"gcs://{name}"

    def find(self, job_id: str) -> JobInfo | None:
        """Return how the job stands; None when the cluster does not know it."""
        try:
            told = cast("JSONObject", self._ask("GET", f"/api/jobs/{_quoted(job_id)}"))
        except NotFoundError:
            return None
        return JobInfo(str(told["status"]), str(told.get("message") or ""))

    def nodes(self) -> list[dict[str, float]]:
        """Return what each machine that is there has in all, by the names that Ray has for it."""
        told = cast("JSONObject", self._ask("GET", "/api/v0/nodes?detail=1&limit=10000"))
        listed = cast("Any", told)["data"]["result"]["result"]
        return [node["resources_total"] for node in listed if node["state"] == "ALIVE"]

    def count_active(self) -> int:
        """Return how many jobs and drivers the cluster has that have not ended."""
        told = cast("list[JSONObject]", self._ask("GET", "/api/jobs/"))
        return sum(job["status"] not in ENDED for job in told)

    def stop(self, job_id: str) -> bool:
        """Have the job stopped, and return whether it was there; one that has ended is not."""
        try:
            told = cast("JSONObject", self._ask("POST", f"/api/jobs/{_quoted(job_id)}/stop"))
        except NotFoundError:
            return False
        return bool(told.get("stopped"))

    def delete(self, job_id: str) -> None:
        """Have an ended job forgotten; one that is unknown is forgotten already."""
        try:
            self._ask("DELETE", f"/api/jobs/{_quoted(job_id)}")
        except NotFoundError:
            return

    def logs(self, job_id: str) -> str:
        """Return what the job's own process said, so far; empty when there is none."""
        try:
            told = cast("JSONObject", self._ask("GET", f"/api/jobs/{_quoted(job_id)}/logs"))
        except NotFoundError:
            return ""
        return str(told.get("logs") or "")

    def _ask(self, method: str, path: str, body: object = None) -> object:
        content = None if body is None else json.dumps(body).encode()
        said = self._send(method, path, content, "application/json")
        try:
            return json.loads(said)
        except ValueError as error:
            raise self._silent(error) from error

    def _send(self, method: str, path: str, content: bytes | None, media_type: str) -> bytes:
        request = urllib.request.Request(  # noqa: S310 - the scheme is checked with the URL
            f"{_checked(self.url)}{path}",
            data=content,
            headers={
                "Content-Type": media_type,
                **({"Authorization": f"Bearer {self.token}"} if self.token else {}),
            },
            method=method,
        )
        try:
            with _OPENER.open(request, timeout=self.timeout_s) as answer:
                return answer.read(_MAX_ANSWER_BYTES)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refusal(error) from error
        except (OSError, http.client.HTTPException) as error:
            raise self._silent(error) from error

    def _silent(self, error: Exception) -> WorkerLostError:
        return WorkerLostError(
            f"The Ray dashboard at {self.url} does not answer: {error}",
            hint="Check the address, and whether the cluster is up.",
            url=self.url,
        )

    def _refusal(self, error: urllib.error.HTTPError) -> SynapseError:
        said = error.read(2000).decode("utf-8", "replace").strip()
        match error.code:
            case 401 | 403:
                return UnauthorizedError(
                    f"The Ray dashboard at {self.url} refuses the token.",
                    hint="Give the cluster's token; `synapse env` tells where it is kept.",
                    url=self.url,
                )
            case 404:
                return NotFoundError(f"The Ray dashboard does not know it: {said}")
            case 413:
                return InvalidInputError(f"The Ray dashboard finds it too large: {said}")
            case _:
                last = said.splitlines()[-1] if said else f"status {error.code}"
                return ConflictError(f"The Ray dashboard refuses: {last}", url=self.url)


# A proxy is for the world outside; a cluster is reached directly.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _quoted(job_id: str) -> str:
    return urllib.parse.quote(job_id, safe="")


def _checked(url: str) -> str:
    if urllib.parse.urlsplit(url).scheme not in {"http", "https"}:
        raise InvalidInputError(
            f"{url!r} is no address of a Ray dashboard.",
            hint="Give one such as http://localhost:8265",
        )
    return url.rstrip("/")
