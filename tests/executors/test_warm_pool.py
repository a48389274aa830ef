"""Who gets which warm process, without a cluster."""

from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from synapse_core.errors import SynapseError, WorkerLostError
from synapse_core.executors.ray.cluster.orders import LaunchOrder
from synapse_core.executors.ray.driver.warm_pool import Ended, Ready, WarmPool

CORES = 2


@dataclass
class Yard:
    """Makes holders that say who uses them; each takes one of two cores, or waits for it."""

    is_told_late: bool = False
    made: list[int] = field(default_factory=list[int])
    awaited: dict[int, Ready] = field(default_factory=dict[int, Ready])
    ended: set[int] = field(default_factory=set[int])
    busy: dict[int, tuple[str, Ended]] = field(default_factory=dict[int, tuple[str, Ended]])
    over: set[str] = field(default_factory=set[str])

    def make_holder(self, order: LaunchOrder) -> int:
        del order
        self.made.append(len(self.made))
        return self.made[-1]

    def await_holder(self, holder: int, ready: Ready) -> None:
        self.awaited[holder] = ready
        self.settle()

    def settle(self) -> None:
        """Let those that have a core by now say so."""
        while started := [one for one in self.alive[:CORES] if one in self.awaited]:
            self.awaited.pop(started[0])(None)

    def use_holder(self, holder: int, run_id: str, ended: Ended) -> None:
        assert holder not in self.busy
        assert holder not in self.ended
        self.busy[holder] = (run_id, ended)

    def end_holder(self, holder: int) -> None:
        self.ended.add(holder)
        self.awaited.pop(holder, None)

    def has_room(self, order: LaunchOrder) -> bool:
        del order
        return self.is_told_late or len(self.alive) < CORES

    def is_over(self, run_id: str) -> bool:
        return run_id in self.over

    @property
    def alive(self) -> list[int]:
        return [holder for holder in self.made if holder not in self.ended]

    def finish(self, *, crash: bool = False) -> None:
        """End the run of the first holder that has its core."""
        holder = next(one for one in self.alive[:CORES] if one in self.busy)
        run_id, ended = self.busy.pop(holder)
        ended(run_id, WorkerLostError("gone") if crash else None)
        self.settle()


def order(run_id: str, plugin: str = "p") -> LaunchOrder:
    return LaunchOrder(run_id=run_id, plugin_path=plugin, action="a")


def noted(ended: list[str]) -> Callable[[str, SynapseError | None], None]:
    return lambda run_id, _error: ended.append(run_id)


def test_an_idle_process_is_used_again() -> None:
    yard, ended = Yard(), list[str]()
    pool = WarmPool(yard, yard.is_over)

    for number in range(5):
        pool.place(order(str(number)), "1", noted(ended))
        yard.finish()

    assert (len(yard.made), ended) == (1, ["0", "1", "2", "3", "4"])


def test_a_process_whose_run_has_ended_is_waited_for() -> None:
    yard, ended = Yard(), list[str]()
    pool = WarmPool(yard, yard.is_over)
    pool.place(order("a"), "1", noted(ended))
    yard.over.add("a")

    pool.place(order("b"), "1", noted(ended))
    assert yard.made == [0]
    yard.finish()
    yard.finish()
    assert (yard.made, ended) == ([0], ["a", "b"])


def test_a_process_that_stays_busy_after_the_end_of_its_run_is_not_waited_for_without_end() -> None:
    yard, ended = Yard(), list[str]()
    pool = WarmPool(yard, yard.is_over)
    pool.place(order("a"), "1", noted(ended))
    yard.over.add("a")
    pool.place(order("b"), "1", noted(ended))

    pool.grow()

    assert yard.made == [0, 1]
    assert yard.busy[1][0] == "b"


def test_another_version_never_meets_the_process_of_the_former() -> None:
    yard, ended = Yard(), list[str]()
    pool = WarmPool(yard, yard.is_over)
    pool.place(order("a"), "1", noted(ended))
    yard.finish()

    pool.place(order("b"), "2", noted(ended))

    assert yard.alive == [1]


def test_a_crash_costs_the_process_and_no_other_run() -> None:
    yard, ended = Yard(), list[str]()
    pool = WarmPool(yard, yard.is_over)
    for name in "abcd":
        pool.place(order(name), "1", noted(ended))
    yard.finish(crash=True)
    while yard.busy:
        yard.finish()

    assert sorted(ended) == list("abcd")


def test_idle_processes_leave_after_a_while() -> None:
    yard = Yard()
    pool = WarmPool(yard, yard.is_over)
    pool.place(order("a"), "1", noted([]))
    yard.finish()

    pool.release_idle(60)
    assert pool.size == 1
    pool.release_idle(-1)
    assert (pool.size, yard.alive) == (0, [])


@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("place"), st.sampled_from("pqr"), st.sampled_from("12")),
            st.tuples(st.just("finish"), st.booleans(), st.just("")),
            st.tuples(st.sampled_from(["room", "over", "grow"]), st.just(""), st.just("")),
        ),
        max_size=60,
    ),
    is_told_late=st.booleans(),
)
def test_every_run_ends_once_whatever_happens(
    *,
    steps: list[tuple[str, str | bool, str]],
    is_told_late: bool,
) -> None:
    yard, ended, placed = Yard(is_told_late), list[str](), list[str]()
    pool = WarmPool(yard, yard.is_over)
    for number, (what, which, stamp) in enumerate(steps):
        match what:
            case "place":
                placed.append(str(number))
                pool.place(order(str(number), str(which)), stamp, noted(ended))
                yard.settle()
            case "finish" if yard.busy:
                yard.finish(crash=bool(which))
            case "over":
                yard.over |= {run_id for run_id, _ in yard.busy.values()}
            case "grow":
                pool.grow()
            case "room":
                pool.make_room(order(f"task {number}"))
                pool.has_ended(f"task {number}")
                yard.settle()
            case _:
                pass
    # As the driver does now and then for all that still wait.
    yard.is_told_late = False
    for name in placed:
        pool.make_room(order(name))
        yard.settle()
    while yard.busy:
        yard.finish()

    assert sorted(ended) == sorted(placed)
    assert pool.size == len(yard.alive)
