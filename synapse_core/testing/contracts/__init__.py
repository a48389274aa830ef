"""What every implementation of a port must do, as pytest classes to derive from."""

import pytest

__all__: list[str] = []

pytest.register_assert_rewrite(
    f"{__name__}.claimed_runs",
    f"{__name__}.clock",
    f"{__name__}.event_sink",
    f"{__name__}.executing",
    f"{__name__}.executor_attempts",
    f"{__name__}.executor_results",
    f"{__name__}.inspector",
    f"{__name__}.journal_reader",
    f"{__name__}.many_runs",
    f"{__name__}.run_service",
    f"{__name__}.run_store_creating",
    f"{__name__}.run_store_ending",
    f"{__name__}.run_store_listing",
    f"{__name__}.run_store_owning",
    f"{__name__}.runs",
)
