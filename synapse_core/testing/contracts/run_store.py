"""What every `RunStore` must do.

Derive from `RunStoreContract` and override its fixture `store`; pytest does the rest:

    class TestMyStore(RunStoreContract):
        @pytest.fixture
        def store(self) -> RunStore:
            return MyStore()
"""

import pytest

from synapse_core.ports import RunStore
from synapse_core.testing.contracts.run_store_creating import CreatingContract
from synapse_core.testing.contracts.run_store_ending import EndingContract
from synapse_core.testing.contracts.run_store_listing import ListingContract
from synapse_core.testing.contracts.run_store_owning import OwningContract

__all__ = ["RunStoreContract"]


class RunStoreContract(CreatingContract, ListingContract, OwningContract, EndingContract):
    """Every sentence of `RunStore`, as tests."""

    @pytest.fixture
    def store(self) -> RunStore:
        """Return an empty store; to be overridden."""
        raise NotImplementedError
