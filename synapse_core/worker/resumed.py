"""`python -m synapse_core.worker.resumed DESCRIPTOR`: goes on owning a run; see `changeover`."""

import sys

from synapse_core.worker.changeover import read_duty
from synapse_core.worker.supervisor import resume

__all__ = ["main"]


def main() -> None:
    """Own the run to its end."""
    resume(*read_duty(int(sys.argv[1])))


if __name__ == "__main__":
    main()
