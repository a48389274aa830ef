"""Who gets which warm process, without a cluster."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from synapse_core.errors import WorkerLostError
from synapse_core.executors.ray.cluster.orders import LaunchOrder
from synapse_core.executors.ray.driver.warm_pool import Ready, WarmPool
from synapse_core.model.run import RunStatus

CORES = 2


@dataclass
class Yard:
    """Makes holders that say who uses them; each takes one of two cores, or waits for it."""

    is_told_late: bool = False
    made: list[int] = field(default_factory=list[int])
    awaited: dict[int, Ready] = field(default_factory=dict[int, Ready])
    ended: set[int] = field(default_factory=set[int])
    busy: dict[int, tuple[Sequence[str], Ready]] = field(
        default_factory=dict[int, tuple[Sequence[str], Ready]]
    )
    over: set[str] = field(default_factory=set[str])
    told: list[str] = field(default_factory=list[str])

    def pool(self) -> WarmPool:
        return WarmPool(self, self.statuses, lambda run_ids, _error: self.told.extend(run_ids))

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

    def use_holder(self, holder: int, run_ids: Sequence[str], ended: Ready) -> None:
        assert holder not in self.busy
        assert holder not in self.ended
        assert run_ids
        self.busy[holder] = (run_ids, ended)

    def end_holder(self, holder: int) -> None:
        self.ended.add(holder)
        self.awaited.pop(holder, None)

    def has_room(self, order: LaunchOrder, *, beside: int = 0) -> bool:
        del order
        return self.is_told_late or len(self.alive) + beside < CORES

    def statuses(self, run_ids: Sequence[str]) -> dict[str, RunStatus]:
        """Tell that the first run of each holder goes on, unless it is over."""
        begun = {one for run_ids, _ in self.busy.values() for one in run_ids[:1]}
        return {
            one: RunStatus.SUCCEEDED
            if one in self.over
            else RunStatus.RUNNING
            if one in begun
            else RunStatus.PENDING
            for one in run_ids
        }

    @property
    def alive(self) -> list[int]:
        return [holder for holder in self.made if holder not in self.ended]

    def finish(self, *, crash: bool = False) -> list[str]:
        """End what the first holder that has its core was given; a crash, before it has begun."""
        holder = next(one for one in self.alive[:CORES] if one in self.busy)
        run_ids, ended = self.busy.pop(holder)
        self.over.update(() if crash else run_ids)
        ended(WorkerLostError("gone") if crash else None)
        self.settle()
        return [*run_ids]


def order(run_id: str, plugin: str = "p") -> LaunchOrder:
    return LaunchOrder(run_id=run_id, plugin_path=plugin, action="a")


def orders(count: int) -> list[LaunchOrder]:
    return [order(str(number)) for number in range(count)]


def test_an_idle_process_is_used_again() -> None:
    yard = Yard()
    pool = yard.pool()

    for number in range(5):
        pool.place([order(str(number))], "1")
        yard.finish()

    assert (len(yard.made), yard.told) == (1, ["0", "1", "2", "3", "4"])


def test_a_process_whose_run_has_ended_is_waited_for() -> None:
    yard = Yard()
    pool = yard.pool()
    pool.place([order("a")], "1")
    yard.over.add("a")

    pool.place([order("b")], "1")
    assert yard.made == [0]
    yard.finish()
    yard.finish()
    assert (yard.made, yard.told) == ([0], ["a", "b"])


def test_a_process_that_stays_busy_after_the_end_of_its_run_is_not_waited_for_without_end() -> None:
    yard = Yard()
    pool = yard.pool()
    pool.place([order("a")], "1")
    yard.over.add("a")
    pool.place([order("b")], "1")

    pool.grow()

    assert yard.made == [0, 1]
    assert yard.busy[1][0] == ("b",)


def test_another_version_never_meets_the_process_of_the_former() -> None:
    yard = Yard()
    pool = yard.pool()
    pool.place([order("a")], "1")
    yard.finish()

    pool.place([order("b")], "2")

    assert yard.alive == [1]


def test_a_crash_costs_the_process_and_no_other_run() -> None:
    yard = Yard()
    pool = yard.pool()
    for name in "abcd":
        pool.place([order(name)], "1")
    yard.finish(crash=True)
    while yard.busy:
        yard.finish()

    assert sorted(yard.told) == list("abcd")


def test_short_runs_are_given_to_a_process_several_at_once() -> None:
    yard = Yard()
    pool = yard.pool()
    pool.place(orders(200), "1")
    assert [len(run_ids) for run_ids, _ in yard.busy.values()] == [1, 1]

    sizes = [len(yard.finish()) for _ in range(6)]
    while yard.busy:
        yard.finish()

    assert max(sizes) > 20
    assert sorted(yard.told) == sorted(one.run_id for one in orders(200))
    assert len(yard.made) == CORES


def batched(yard: Yard) -> tuple[WarmPool, Sequence[str]]:
    """Return a pool whose first process was given a batch, and the batch."""
    pool = yard.pool()
    pool.place([order("quick")], "1")
    yard.finish()
    pool.place(orders(8), "1")
    return pool, yard.busy[0][0]


def test_what_a_process_had_not_begun_when_it_crashed_is_executed_by_another() -> None:
    yard = Yard()
    pool, batch = batched(yard)
    assert len(batch) > 1

    holder, (_, ended) = 0, yard.busy[0]
    yard.over.add(batch[0])
    ended(WorkerLostError("gone"))
    del yard.busy[holder]
    yard.settle()

    assert yard.told == ["quick", batch[0], batch[1]]
    while yard.busy:
        yard.finish()
    assert sorted(yard.told) == sorted(["quick", *(one.run_id for one in orders(8))])
    assert pool.size == 1


def test_what_waits_behind_a_run_that_goes_on_is_passed_on() -> None:
    yard = Yard()
    pool, batch = batched(yard)

    pool.pass_on()
    assert len(yard.made) == 1
    pool.stuck_s = 0.0
    pool.pass_on()
    while 1 in yard.busy:
        yard.over.update(yard.busy[1][0])
        yard.busy.pop(1)[1](None)

    assert sorted(yard.told) == sorted({"quick", *(one.run_id for one in orders(8))} - {batch[0]})
    yard.finish()
    assert yard.told[-1] == batch[0]


def test_idle_processes_leave_after_a_while() -> None:
    yard = Yard()
    pool = yard.pool()
    pool.place([order("a")], "1")
    yard.finish()

    pool.release_idle(60)
    assert pool.size == 1
    pool.release_idle(-1)
    assert (pool.size, yard.alive) == (0, [])


def test_room_is_kept_for_a_run_until_it_begins() -> None:
    yard = Yard()
    pool = yard.pool()
    pool.place([order("a"), order("b")], "1")
    pool.make_room(order("task"))
    yard.finish()
    assert yard.alive == [1]

    pool.keep_room_for(())
    yard.finish()
    pool.place([order("c")], "1")

    assert yard.alive == [1]


@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("place"), st.sampled_from("pqr"), st.sampled_from("12")),
            st.tuples(st.just("finish"), st.booleans(), st.just("")),
            st.tuples(st.just("many"), st.sampled_from("pq"), st.sampled_from("12")),
            st.tuples(st.sampled_from(["room", "over", "grow", "pass"]), st.just(""), st.just("")),
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
    yard, placed = Yard(is_told_late), list[str]()
    pool = yard.pool()
    pool.stuck_s = 0.0
    for number, (what, which, stamp) in enumerate(steps):
        match what:
            case "place" | "many":
                several = [f"{number}.{part}" for part in range(40 if what == "many" else 1)]
                placed += several
                pool.place([order(one, str(which)) for one in several], stamp)
                yard.settle()
            case "pass":
                pool.pass_on()
                yard.settle()
            case "finish" if yard.busy:
                yard.finish(crash=bool(which))
            case "over":
                yard.over |= {one for run_ids, _ in yard.busy.values() for one in run_ids}
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

    assert sorted(yard.told) == sorted(placed)
    assert pool.size == len(yard.alive)
