"""Decides what of a pipeline runs next, and what it comes to; does nothing itself.

Whoever executes a pipeline, in this process or through workers, asks `take` what may begin, and
tells how each of it ended. The answers follow from the plan, the params and these ends alone, so
that a process that goes on with another's work comes to the same.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush

from synapse_core.model.pipeline import FailurePolicy, Node, Plan, node_key
from synapse_core.model.references import (
    INDEX,
    ITEM,
    PARAMS,
    Reference,
    direct_param,
    follow,
    render,
)
from synapse_core.model.run import RunFailure, RunStatus
from synapse_core.types import JSONObject, JSONValue

__all__ = ["Call", "NodeState", "Schedule", "Transition"]


@dataclass(frozen=True, slots=True)
class Call:
    """One execution of a node.

    Attributes:
        node: The node.
        params: What it is given.
        index: Its position in the list that the node is repeated for; None when it is not.
    """

    node: Node
    params: JSONObject
    index: int | None = None

    @property
    def key(self) -> str:
        """What it goes by within the pipeline run."""
        return node_key(self.node.name, self.index)


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of a node, to be told: `status` and why."""

    name: str
    status: RunStatus
    reason: str = ""


@dataclass(slots=True)
class NodeState:
    """How a node stands.

    Attributes:
        status: `pending` until it begins; `skipped` also when another's failure kept it from that.
        reason: Why it was skipped or failed.
        result: What it returned; a list for a node that is repeated.
        is_blocked: Whether it was skipped because of a failure.
        failure: Why it failed.
    """

    status: RunStatus = RunStatus.PENDING
    reason: str = ""
    result: JSONValue = None
    is_blocked: bool = False
    failure: RunFailure | None = None
    waits_for: int = 0
    offered: JSONObject = field(default_factory=dict[str, JSONValue])
    items: list[JSONValue] | None = None
    results: dict[int, JSONValue] = field(default_factory=dict[int, JSONValue])
    begun: int = 0
    running: int = 0


class Schedule:
    """The progress of one pipeline run.

    Args:
        plan: The graph, in order.
        params: Params of the pipeline.

    Attributes:
        plan: The graph.
        states: How each node stands, by name.
    """

    def __init__(self, plan: Plan, params: JSONObject) -> None:
        self.plan = plan
        self._params = {**plan.defaults, **params}
        self._position = {node.name: number for number, node in enumerate(plan.nodes)}
        self.states = {node.name: NodeState(waits_for=len(set(node.needs))) for node in plan.nodes}
        self._followers: dict[str, list[str]] = {node.name: [] for node in plan.nodes}
        for node in plan.nodes:
            for needed in dict.fromkeys(node.needs):
                self._followers[needed].append(node.name)
        self._ready = [number for number, node in enumerate(plan.nodes) if not node.needs]
        self._repeating: deque[Node] = deque()
        self._running = 0
        self._is_stopping = False
        self._told: list[Transition] = []
        self._first_failed = ""
        self._is_merging = any(node.merges for node in plan.nodes)

    @property
    def is_over(self) -> bool:
        """Whether nothing runs and nothing will."""
        return self._running == 0 and (self._is_stopping or not (self._ready or self._repeating))

    @property
    def has_more(self) -> bool:
        """Whether something could begin at once."""
        return (
            not self._is_stopping and bool(self._ready) and self._running < self.plan.max_parallel
        )

    @property
    def is_stopping(self) -> bool:
        """Whether nothing begins any more, and what runs is to be stopped."""
        return self._is_stopping

    @property
    def done(self) -> int:
        """How many nodes have ended."""
        return sum(state.status.is_terminal for state in self.states.values())

    @property
    def failed(self) -> list[str]:
        """The nodes that failed, the first to do so first."""
        names = [name for name, state in self.states.items() if state.status is RunStatus.FAILED]
        return sorted(names, key=lambda name: name != self._first_failed)

    def number_of(self, name: str) -> int:
        """Return the position of a node among all, from 1."""
        return self._position[name] + 1

    def take(self, most: int | None = None) -> list[Call]:
        """Return the executions that begin now, as many as the plan's limits allow.

        Args:
            most: No more than this many.
        """
        calls: list[Call] = []
        while not self._is_stopping and self._has_room(len(calls), most):
            call = self._take_one()
            if call is None:
                break
            calls.append(call)
        return calls

    def succeed(self, call: Call, result: JSONValue) -> None:
        """Take note of what an execution returned."""
        state = self._end_call(call)
        if call.index is None:
            self._succeed_node(call.node, result)
            return
        state.results[call.index] = result
        self._end_repetition(call.node)

    def fail(self, call: Call, failure: RunFailure) -> None:
        """Take note of why an execution failed."""
        state = self._end_call(call)
        if state.failure is None:
            state.failure = failure
            state.reason = f"{call.key}: {failure.message}" if call.index is not None else ""
        if call.index is None:
            self._fail_node(call.node, failure)
            return
        if self.plan.on_failure is FailurePolicy.FAIL_FAST:
            self._is_stopping = True
        self._end_repetition(call.node)

    def cancel(self, call: Call) -> None:
        """Take note that an execution was stopped because the pipeline is stopping."""
        state = self._end_call(call)
        if state.running == 0 and not state.status.is_terminal:
            failure = state.failure
            if failure is not None:
                self._fail_node(call.node, failure)
            else:
                self._settle(call.node, RunStatus.CANCELLED, "the pipeline was stopped")

    def stop(self) -> None:
        """Let nothing begin any more."""
        self._is_stopping = True

    def close(self) -> None:
        """Settle what a stop has left, once nothing runs any more."""
        for node in self.plan.nodes:
            state = self.states[node.name]
            if state.status is RunStatus.PENDING:
                state.is_blocked = True
                self._settle(node, RunStatus.SKIPPED, "the pipeline ended before")
            elif state.status is RunStatus.RUNNING:
                self._settle(node, RunStatus.CANCELLED, "the pipeline was stopped")

    def transitions(self) -> list[Transition]:
        """Return what has changed since the last call."""
        told, self._told = self._told, []
        return told

    def result(self) -> JSONValue:
        """Return what the pipeline came to.

        Raises:
            LookupError: The plan's output refers to what is not there.
        """
        if self.plan.output is not None:
            return render(self.plan.output, self._resolve)
        last = [name for name, followers in self._followers.items() if not followers]
        if len(last) == 1:
            return self.states[last[0]].result
        return {name: self.states[name].result for name in last}

    def results(self) -> JSONObject:
        """Return the results there are, by node."""
        return {
            name: state.result
            for name, state in self.states.items()
            if state.status is RunStatus.SUCCEEDED
        }

    def _has_room(self, taken: int, most: int | None) -> bool:
        return self._running < self.plan.max_parallel and (most is None or taken < most)

    def _take_one(self) -> Call | None:
        while not self._is_stopping:
            call = self._repeat_one()
            if call is not None or not self._ready:
                return call
            call = self._begin(self.plan.nodes[heappop(self._ready)])
            if call is not None:
                return call
        return None

    def _repeat_one(self) -> Call | None:
        for node in tuple(self._repeating):
            self._repeating.rotate(-1)  # each in turn, so that none waits for all of another
            state = self.states[node.name]
            while node in self._repeating and state.running < node.limit:
                call = self._next_repetition(node, state)
                if call is not None:
                    return call
        return None

    def _begin(self, node: Node) -> Call | None:
        """Return the execution of a node; None when it is repeated, or has ended already."""
        state = self.states[node.name]
        try:
            why = self._why_skipped(node)
            if why:
                self._settle(node, RunStatus.SKIPPED, why)
                return None
            if node.over is None:
                params = self._params_of(node, self._resolve)
                self._tell(node, RunStatus.RUNNING)
                self._start_call(state)
                return Call(node, params)
            state.items = self._list_of(node)
        except (LookupError, TypeError, ValueError) as error:
            text = str(error.args[0]) if error.args else str(error)
            hint = "Correct the pipeline, or what the nodes before this one return."
            self._fail_node(node, RunFailure("BindingError", text, "invalid_binding", hint))
            return None
        if not state.items:
            self._succeed_node(node, [])
            return None
        self._tell(node, RunStatus.RUNNING)
        self._repeating.append(node)
        return None

    def _next_repetition(self, node: Node, state: NodeState) -> Call | None:
        items = state.items or []
        index, item = state.begun, items[state.begun]
        state.begun += 1
        if state.begun == len(items):
            self._repeating.remove(node)

        def resolve(reference: Reference) -> JSONValue:
            if reference.root == ITEM:
                return follow(item, reference)
            return index if reference.root == INDEX else self._resolve(reference)

        try:
            params = self._params_of(node, resolve)
        except LookupError as error:
            self._start_call(state)
            failure = RunFailure("BindingError", str(error.args[0]), "invalid_binding")
            self.fail(Call(node, {}, index), failure)
            return None
        self._start_call(state)
        return Call(node, params, index)

    def _start_call(self, state: NodeState) -> None:
        state.running += 1
        self._running += 1

    def _end_call(self, call: Call) -> NodeState:
        state = self.states[call.node.name]
        state.running -= 1
        self._running -= 1
        return state

    def _end_repetition(self, node: Node) -> None:
        """Settle a repeated node when nothing of it runs and nothing more will."""
        state = self.states[node.name]
        items = state.items or []
        if state.running or (state.begun < len(items) and not self._is_stopping):
            return
        if state.failure is not None:
            self._fail_node(node, state.failure)
        elif len(state.results) == len(items):
            self._succeed_node(node, [state.results[number] for number in range(len(items))])
        else:
            self._settle(node, RunStatus.CANCELLED, "the pipeline was stopped")

    def _why_skipped(self, node: Node) -> str:
        """Return why a node whose time has come does not run; empty when it does.

        Raises:
            LookupError: A condition asks for what is not there.
            TypeError: A condition compares what cannot be compared.
        """
        state = self.states[node.name]
        for name in node.needs:
            needed = self.states[name]
            if needed.is_blocked or needed.status in {RunStatus.FAILED, RunStatus.CANCELLED}:
                state.is_blocked = True
                return f"{name} {'was skipped' if needed.is_blocked else 'failed'}"
        conditions = node.conditions()
        asked = [one for condition in conditions for one in condition.references()]
        for reference in (*node.data_references(), *asked):
            source = self.states.get(reference.root)
            if source is not None and source.status is RunStatus.SKIPPED:
                return f"{reference.root} was skipped"
        for condition in conditions:
            if not condition.holds(self._resolve):
                return f"{condition.text} does not hold"
        return ""

    def _params_of(self, node: Node, resolve: Callable[[Reference], JSONValue]) -> JSONObject:
        given: JSONObject = {}
        if node.merges:
            accepts = node.target.accepts
            offered = self._offered_to(node)
            given = {
                key: value for key, value in offered.items() if accepts is None or key in accepts
            }
        for key, template in node.inputs.items():
            param = direct_param(template)
            if param is None or param in self._params:  # else the action's own default counts
                given[key] = render(template, resolve)
        return given

    def _offered_to(self, node: Node) -> JSONObject:
        offered = dict(self._params) if not node.needs else {}
        for name in node.needs:
            offered |= self.states[name].offered
        return offered

    def _list_of(self, node: Node) -> list[JSONValue]:
        items = render(node.over, self._resolve)
        if not isinstance(items, list):
            raise TypeError(
                f"{node.over} is no list, so that {node.name} cannot be repeated for it"
            )
        return items

    def _resolve(self, reference: Reference) -> JSONValue:
        if reference.root == PARAMS:
            return follow(self._params, reference)
        return follow(self.states[reference.root].result, reference)

    def _succeed_node(self, node: Node, result: JSONValue) -> None:
        self.states[node.name].result = result
        self._settle(node, RunStatus.SUCCEEDED)

    def _fail_node(self, node: Node, failure: RunFailure) -> None:
        state = self.states[node.name]
        state.failure = failure
        self._first_failed = self._first_failed or node.name
        if self.plan.on_failure is FailurePolicy.FAIL_FAST:
            self._is_stopping = True
        self._settle(node, RunStatus.FAILED, state.reason or failure.message)

    def _settle(self, node: Node, status: RunStatus, reason: str = "") -> None:
        state = self.states[node.name]
        state.status, state.reason = status, reason
        if self._is_merging:
            state.offered = self._offered_to(node)
            if isinstance(state.result, dict):
                state.offered |= state.result
        self._tell(node, status, reason)
        for name in self._followers[node.name]:
            follower = self.states[name]
            follower.waits_for -= 1
            if follower.waits_for == 0:
                heappush(self._ready, self._position[name])

    def _tell(self, node: Node, status: RunStatus, reason: str = "") -> None:
        if status is RunStatus.RUNNING:
            self.states[node.name].status = status
        self._told.append(Transition(node.name, status, reason))
