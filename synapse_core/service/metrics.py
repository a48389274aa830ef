"""Figures in the text form that Prometheus reads."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping

__all__ = ["METRICS_TYPE", "Metrics"]

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """Counts what the service does. Used by the event loop only."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str, str, int], int] = defaultdict(int)
        self._buckets: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = defaultdict(float)
        self.events_received = 0
        self.bytes_received = 0
        self.events_sent = 0
        self.followers = 0
        self.runs_by_status: Mapping[str, int] = {}

    def count_request(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count an answered request; `path` is the route's, so that their number has a bound."""
        self._requests[method, path, status] += 1
        buckets = self._buckets.setdefault(path, [0] * (len(_BOUNDS_S) + 1))
        buckets[bisect_left(_BOUNDS_S, seconds)] += 1
        self._seconds[path] += seconds

    def text(self) -> str:
        """Return all figures."""
        lines = [
            *_head("synapse_requests_total", "counter", "Requests answered."),
            *(
                f'synapse_requests_total{{method="{method}",path="{path}",status="{status}"}} {n}'
                for (method, path, status), n in sorted(self._requests.items())
            ),
            *_head("synapse_request_seconds", "histogram", "Time to answer a request."),
        ]
        for path, buckets in sorted(self._buckets.items()):
            lines += self._histogram(path, buckets)
        lines += _head("synapse_runs", "gauge", "Runs that have not ended.")
        lines += [
            f'synapse_runs{{status="{status}"}} {count}'
            for status, count in sorted(self.runs_by_status.items())
        ]
        for name, kind, help_text, value in (
            ("synapse_events_received_total", "counter", "Events taken in.", self.events_received),
            ("synapse_event_bytes_total", "counter", "Their size in bytes.", self.bytes_received),
            ("synapse_events_sent_total", "counter", "Events streamed.", self.events_sent),
            ("synapse_followers", "gauge", "Open event streams.", self.followers),
        ):
            lines += [*_head(name, kind, help_text), f"{name} {value}"]
        return "\n".join(lines) + "\n"

    def _histogram(self, path: str, buckets: list[int]) -> list[str]:
        name, lines, count = "synapse_request_seconds", list[str](), 0
        for bound, in_bucket in zip((*_BOUNDS_S, "+Inf"), buckets, strict=True):
            count += in_bucket
            lines.append(f'{name}_bucket{{path="{path}",le="{bound}"}} {count}')
        lines.append(f'{name}_sum{{path="{path}"}} {self._seconds[path]:.6f}')
        lines.append(f'{name}_count{{path="{path}"}} {count}')
        return lines


def _head(name: str, kind: str, help_text: str) -> list[str]:
    return [f"# HELP {name} {help_text}", f"# TYPE {name} {kind}"]
