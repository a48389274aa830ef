"""What runs may cost beside bare Ray."""

from collections.abc import Mapping


def judge(figures: Mapping[str, float]) -> int:
    """Print each budget and what was measured; return 1 if one is missed, else 0."""
    over_call = figures["warm_run_ms"] - figures["bare_actor_call_ms"]
    over_job = figures["job_run_ms"] - figures["bare_job_ms"]
    created = figures["bare_actor_ms"]
    shares = {
        "isolated run, warm: at most 60 ms": (figures["task_run_ms"], 60.0),
        "warm run beyond a bare warm call: at most 15 ms": (over_call, 15.0),
        "first run of a plugin, to the creation of a bare actor: at most 1.3": (
            figures["first_run_ms"] / created,
            1.3,
        ),
        "first run in a process that stays, to the same: at most 1.3": (
            figures["first_warm_run_ms"] / created,
            1.3,
        ),
        "job beyond a bare job of `true`: at most 500 ms": (over_job, 500.0),
        "bare calls a second, to small runs a second: at most 2": (
            figures["bare_many_per_s"] / figures["many_per_s"],
            2.0,
        ),
        "an event in the worker: at most 10 µs": (figures["event_us"], 10.0),
    }
    for what, (measured, allowed) in shares.items():
        print(f"{'kept' if measured <= allowed else 'MISSED':7}{measured:9.2f}  {what}")
    return int(any(measured > allowed for measured, allowed in shares.values()))
