"""The schedule against a simple sequential model, over random graphs and random orders of ends."""

import itertools
import random
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synapse_core.model.pipeline import FailurePolicy, Node, Plan, Target, find_cycle, in_order
from synapse_core.model.run import RunFailure, RunStatus
from synapse_core.pipelines.schedule import Call, Schedule
from synapse_core.types import JSONObject, JSONValue

FAILURE = RunFailure("ValueError", "no")


@dataclass(frozen=True)
class Case:
    """A graph, and which of its executions fail."""

    plan: Plan
    failing: frozenset[str]
    seed: int


def work(call: Call) -> JSONValue:
    """Return what an execution returns: all numbers it was given, added up."""
    return {"sum": 1 + total(list(call.params.values()))}


def total(value: JSONValue) -> int:
    match value:
        case int():
            return value
        case list():
            return sum(map(total, value))
        case dict():
            return sum(map(total, value.values()))
        case _:
            return 0


@st.composite
def cases(draw: st.DrawFn) -> Case:
    count = draw(st.integers(1, 9))
    names = [f"n{number}" for number in range(count)]
    nodes: list[Node] = []
    for number, name in enumerate(names):
        before = draw(st.sets(st.sampled_from(names[:number]))) if number else set[str]()
        sources = sorted(before)
        is_bound = draw(st.booleans())
        is_repeated = is_bound and draw(st.integers(0, 3)) == 0
        inputs: JSONObject = {one: f"${{{one}}}" for one in sources} if is_bound else {}
        if is_repeated:
            inputs["item"] = "${item}"
        when = draw(st.sampled_from([None, None, "== 1", "> 2"])) if sources else None
        first = f"${{{sources[0]}.sum}}" if sources else ""
        is_list = bool(sources) and nodes[names.index(sources[0])].over is not None
        nodes.append(
            Node(
                name=name,
                target=Target(action=name),
                inputs=inputs,
                merges=not is_bound,
                needs=tuple(sources),
                when=(f"{first} {when}",) if when and not is_list else (),
                over=list[JSONValue](range(draw(st.integers(0, 4)))) if is_repeated else None,
                limit=draw(st.integers(1, 3)),
            )
        )
    failing = draw(st.sets(st.sampled_from([*names, "n1[0]", "n2[1]"]), max_size=2))
    plan = Plan(
        name="p",
        nodes=tuple(nodes),
        on_failure=draw(st.sampled_from(FailurePolicy)),
        max_parallel=draw(st.integers(1, 5)),
    )
    return Case(plan, frozenset(failing), draw(st.integers(0, 999)))


def drive(case: Case) -> Schedule:
    """Execute a graph, with executions ending in a random order."""
    schedule = Schedule(case.plan, {"base": 1})
    chance = random.Random(case.seed)  # noqa: S311 - chance, no secret
    running: list[Call] = []
    made: list[str] = []
    while not schedule.is_over:
        taken = schedule.take()
        running += taken
        made += [call.key for call in taken]
        assert len(running) <= case.plan.max_parallel
        for node in case.plan.nodes:
            mine = [call for call in running if call.node is node]
            assert len(mine) <= (node.limit if node.over is not None else 1)
        if schedule.is_over:
            break
        call = running.pop(chance.randrange(len(running)))
        if call.key in case.failing or call.node.name in case.failing:
            schedule.fail(call, FAILURE)
        elif schedule.is_stopping:
            schedule.cancel(call)
        else:
            schedule.succeed(call, work(call))
    schedule.close()
    assert len(made) == len(set(made))
    return schedule


class Model:
    """Computes what a graph comes to, one node after the other, with failures going around."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.results: dict[str, JSONValue] = {}
        self.status: dict[str, RunStatus] = {}
        self.blocked: set[str] = set()
        self.offers: dict[str, JSONObject] = {}
        for node in case.plan.nodes:
            self.status[node.name] = self.run(node)
            offers: JSONObject = {} if node.needs else {"base": 1}
            for need in node.needs:
                offers |= self.offers[need]
            result = self.results.get(node.name)
            self.offers[node.name] = {**offers, **(result if isinstance(result, dict) else {})}

    def run(self, node: Node) -> RunStatus:
        if any(self.status[n] is RunStatus.FAILED or n in self.blocked for n in node.needs):
            self.blocked.add(node.name)
            return RunStatus.SKIPPED
        asked = [n for n in node.needs if n in node.inputs or (node.when and n == node.needs[0])]
        if any(self.status[n] is RunStatus.SKIPPED for n in asked):
            return RunStatus.SKIPPED
        if node.when:
            value = self.results[node.needs[0]]
            assert isinstance(value, dict)
            how, number = node.when[0].split()[-2:]
            left, right = total(value), int(number)
            if not (left == right if how == "==" else left > right):
                return RunStatus.SKIPPED
        if node.over is None:
            return self.call(node, None, None)
        assert isinstance(node.over, list)
        results: list[JSONValue] = []
        for number, item in enumerate(node.over):
            if self.call(node, number, item) is RunStatus.FAILED:
                return RunStatus.FAILED
            results.append(self.results[node.name])
        self.results[node.name] = results
        return RunStatus.SUCCEEDED

    def call(self, node: Node, number: int | None, item: JSONValue) -> RunStatus:
        key = node.name if number is None else f"{node.name}[{number}]"
        if key in self.case.failing or node.name in self.case.failing:
            return RunStatus.FAILED
        params: JSONObject = {} if node.needs or not node.merges else {"base": 1}
        if node.merges:
            for need in node.needs:
                params |= self.offers[need]
        params |= {n: self.results[n] for n in node.needs if n in node.inputs}
        if number is not None:
            params["item"] = item
        self.results[node.name] = {"sum": 1 + total(list(params.values()))}
        return RunStatus.SUCCEEDED


@settings(max_examples=300, deadline=None)
@given(cases())
def test_any_graph_comes_to_what_one_node_after_the_other_does(case: Case) -> None:
    schedule, model = drive(case), Model(case)
    ended = {name: state.status for name, state in schedule.states.items()}

    assert all(status.is_terminal for status in ended.values())
    if case.plan.on_failure is FailurePolicy.CONTINUE or RunStatus.FAILED not in ended.values():
        assert ended == model.status
    for name, state in schedule.states.items():
        if state.status is RunStatus.SUCCEEDED:
            assert state.result == model.results[name]
        # What failed here fails there; a graph that stops at once may have come less far.
        if state.status is RunStatus.FAILED:
            assert model.status[name] is RunStatus.FAILED


@settings(max_examples=100, deadline=None)
@given(cases())
def test_who_goes_on_with_another_ones_work_comes_to_the_same(case: Case) -> None:
    """The second schedule is told the ends of the first, whatever it asks for first."""
    first = drive(case)
    second = Schedule(case.plan, {"base": 1})
    while calls := second.take(1):
        (call,) = calls
        state = first.states[call.node.name]
        is_done = (
            call.index in state.results
            if call.index is not None
            else (state.status is RunStatus.SUCCEEDED)
        )
        if is_done:
            result = state.results[call.index] if call.index is not None else state.result
            second.succeed(call, result)
        elif call.key in case.failing or call.node.name in case.failing:
            second.fail(call, FAILURE)
        else:
            second.succeed(call, work(call))

    assert bool(second.failed) == bool(first.failed)
    for name, state in second.states.items():
        if state.status is RunStatus.SUCCEEDED and first.states[name].status is state.status:
            assert state.result == first.states[name].result
    if case.plan.on_failure is FailurePolicy.CONTINUE or not first.failed:
        assert {n: s.status for n, s in second.states.items()} == {
            n: s.status for n, s in first.states.items()
        }


@given(st.dictionaries(st.sampled_from("abcdef"), st.sets(st.sampled_from("abcdef"))))
def test_an_order_leaves_out_exactly_what_waits_for_itself(needs: Mapping[str, set[str]]) -> None:
    known = {name: sorted(needed & needs.keys()) for name, needed in needs.items()}
    order, circle = in_order(known), find_cycle(known)

    for position, name in enumerate(order):
        assert set(known[name]) <= set(order[:position])
    assert (len(order) < len(known)) == bool(circle)
    for name, needed in itertools.pairwise(circle):
        assert needed in known[name]


def test_a_list_that_comes_from_a_result_is_repeated_in_order() -> None:
    plan = Plan(
        name="p",
        nodes=(
            Node(name="split", target=Target(action="split")),
            Node(
                name="score",
                target=Target(action="score"),
                needs=("split",),
                over="${split.parts}",
                inputs={"part": "${item.name}", "number": "${index}", "say": "no ${index}!"},
                limit=2,
            ),
        ),
    )
    schedule = Schedule(plan, {})
    (split,) = schedule.take()
    schedule.succeed(split, {"parts": [{"name": "a"}, {"name": "b"}, {"name": "c"}]})
    one, two = schedule.take()
    assert schedule.take() == []
    schedule.succeed(two, "B")
    (three,) = schedule.take()
    schedule.succeed(three, "C")
    schedule.succeed(one, "A")

    assert one.params == {"part": "a", "number": 0, "say": "no 0!"}
    assert schedule.is_over
    assert schedule.result() == ["A", "B", "C"]


@pytest.mark.parametrize(
    ("over", "told"),
    [("${split.parts}", "no 'parts' among other"), ("${split.other}", "is no list")],
)
def test_a_list_that_is_not_there_fails_the_node(over: str, told: str) -> None:
    nodes = (
        Node(name="split", target=Target(action="split")),
        Node(name="score", target=Target(action="score"), needs=("split",), over=over),
    )
    schedule = Schedule(Plan(name="p", nodes=nodes), {})
    (split,) = schedule.take()
    schedule.succeed(split, {"other": 1})

    assert schedule.take() == []
    assert schedule.failed == ["score"]
    assert told in schedule.states["score"].reason
