"""`synapse ray up` refuses to offer what no run could ask for, before it looks for Ray."""

import pytest

from tests.cli.calling import Call


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("fpga", "'fpga' is no NAME=AMOUNT. Fix: Write for example --resource fpga=1."),
        ("fpga=much", "'fpga=much' is no NAME=AMOUNT."),
        ("fpga=0", "cannot offer 'fpga': 0 is no amount"),
        ("fpga=nan", "cannot offer 'fpga': nan is no amount"),
        ("CPU=4", "CPU cores are asked for as `cpus`"),
        ("=1", "cannot offer '': it is empty"),
    ],
)
def test_what_is_no_resource_is_refused(synapse: Call, given: str, told: str) -> None:
    done = synapse("ray", "up", "--resource", given)

    assert (done.code, done.out) == (2, "")
    assert told in " ".join(done.err.split())
