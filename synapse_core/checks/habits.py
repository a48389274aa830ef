"""Looks for what works on a desk, but not in a run."""

import ast
from collections.abc import Iterator, Sequence
from enum import IntEnum
from pathlib import Path

from synapse_core.checks.subject import ActionCode, Subject, in_source
from synapse_core.checks.uses import Uses
from synapse_core.discovery.sources import Source
from synapse_core.discovery.symbols import Symbols
from synapse_core.model.plugin import Diagnostic, Severity

__all__ = ["check_habits"]


class _When(IntEnum):
    """When a statement is executed."""

    IMPORTED = 0
    CALLED = 1
    RUN = 2


_EXITS = frozenset({"builtins.exit", "builtins.quit", "sys.exit", "os._exit", "os.abort"})
_DEBUGGERS = frozenset({"builtins.breakpoint", "pdb.set_trace", "ipdb.set_trace"})
_SLOW = ("time.sleep", "subprocess.", "os.system", "urllib.request.", "requests.", "httpx.")
_OPENERS = frozenset({"builtins.open", "io.open", "pathlib.Path"})
_MAX_PATH_CHARS = 300


def check_habits(
    subject: Subject, sources: Sequence[Source], codes: Sequence[ActionCode], uses: Uses
) -> Iterator[Diagnostic]:
    """Yield calls and statements that fail, hang or mislead in a worker."""
    own = {id(function) for code in codes for function in _own_functions(code)}
    for source in sources:
        walker = _Walker(subject, source, own, uses)
        yield from walker.walk()
        yield from walker.conclude()


def _own_functions(code: ActionCode) -> Iterator[ast.AST]:
    """Yield what is called when the action runs: its function, or the methods of its class."""
    if not isinstance(code.node, ast.ClassDef):
        yield code.node
    for _, node in code.chain:
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                yield statement


class _Walker:
    def __init__(
        self, subject: Subject, source: Source, own_functions: set[int], uses: Uses
    ) -> None:
        self._folder: Path = subject.folder
        self._symbols: Symbols = subject.symbols
        self._source = source
        self._own_functions = own_functions
        self._uses = uses
        self._prints: list[ast.Call] = []
        self._function = ""
        """The outermost function that the statement at hand stands in."""

    def walk(self) -> Iterator[Diagnostic]:
        """Yield findings, statement by statement."""
        waiting: list[tuple[ast.AST, _When, str]] = [
            (node, _When.IMPORTED, "") for node in reversed(self._source.tree.body)
        ]
        while waiting:
            node, when, self._function = waiting.pop()
            if isinstance(node, ast.If) and _is_main_guard(node.test):
                continue
            if isinstance(node, ast.Call | ast.While | ast.ExceptHandler):
                yield from self._look_at(node, when)
            function = self._function
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                function = function or node.name
            inside = self._inside(node, when)
            waiting += [
                (inner, inside, function) for inner in reversed([*ast.iter_child_nodes(node)])
            ]

    def conclude(self) -> Iterator[Diagnostic]:
        """Yield what is said once for the whole module."""
        if self._prints:
            count = len(self._prints)
            yield in_source(
                self._source,
                self._prints[0],
                "prints",
                f"The module prints in {count} {'place' if count == 1 else 'places'}; lines that "
                "are printed have no level and no fields.",
                "Use self.logger.info(…), or context.logger in a function.",
                severity=Severity.INFO,
            )

    def _inside(self, node: ast.AST, when: _When) -> _When:
        if id(node) in self._own_functions:
            return _When.RUN
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            return max(when, _When.CALLED)
        return when

    def _look_at(self, node: ast.AST, when: _When) -> Iterator[Diagnostic]:
        match node:
            case ast.Call():
                yield from self._look_at_call(node, when)
            case ast.While(test=ast.Constant(value=value)) if value and when is _When.IMPORTED:
                yield self._say(
                    node,
                    "works-at-import",
                    "An endless loop stands at the top of the module.",
                    "Move it into the action.",
                )
            case ast.ExceptHandler() if _swallows(node):
                yield self._say(
                    node,
                    "swallows-cancel",
                    "The handler catches everything, a cancelled run included, and goes on.",
                    "Name the exceptions that are expected, or end the handler with `raise`.",
                )
            case _:
                pass

    def _look_at_call(self, node: ast.Call, when: _When) -> Iterator[Diagnostic]:
        symbol = self._symbols.resolve(self._source, node.func)
        name = symbol.name if symbol is not None and symbol.node is None else ""
        if name == "builtins.print":
            self._prints.append(node)
        elif name == "builtins.input":
            yield self._say(
                node,
                "reads-stdin",
                "Nobody can answer input(): a run has no terminal, and its stdin is empty.",
                "Make it a param.",
                self._uses.weigh(self._source, node.lineno, self._function),
            )
        elif name in _DEBUGGERS:
            yield self._say(
                node,
                "stops-in-debugger",
                f"{name.removeprefix('builtins.')}() waits for a terminal, which a run has not.",
                "Remove it; to debug, run the action in process: synapse_core.run_plugin(…).",
                self._uses.weigh(self._source, node.lineno, self._function),
            )
        elif name in _EXITS:
            yield self._exit(node, name.removeprefix("builtins."), when)
        elif name.startswith(_SLOW) and when is _When.IMPORTED:
            yield self._say(
                node,
                "works-at-import",
                f"{name}() is called whenever the module is imported, also to describe the plugin.",
                "Move it into the action.",
            )
        elif name in _OPENERS and node.args:
            yield from self._look_at_path(node, node.args[0])

    def _exit(self, node: ast.Call, name: str, when: _When) -> Diagnostic:
        if when is _When.IMPORTED:
            message = f"{name}() ends the process while the module is imported."
            return self._say(node, "exits", message, "Remove it.", Severity.ERROR)
        return self._say(
            node,
            "exits",
            f"{name}() ends the process: the run fails, with nothing said about why.",
            "Raise an exception that says what is wrong; to succeed, return.",
        )

    def _look_at_path(self, node: ast.Call, argument: ast.expr) -> Iterator[Diagnostic]:
        if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
            return
        text = argument.value
        if not text or len(text) > _MAX_PATH_CHARS or "\0" in text or Path(text).is_absolute():
            return
        if (self._folder / text).exists() and text not in {".", ".."}:
            yield self._say(
                node,
                "relative-path",
                f"{text!r} lies in the plugin, but a run has a working directory of its own.",
                f"Write `Path(__file__).parent / …` to reach {text}.",
            )

    def _say(
        self,
        node: ast.stmt | ast.expr | ast.ExceptHandler,
        code: str,
        message: str,
        fix: str,
        severity: Severity = Severity.WARNING,
    ) -> Diagnostic:
        return in_source(self._source, node, code, message, fix, severity=severity)


def _is_main_guard(test: ast.expr) -> bool:
    return ast.unparse(test) in {"__name__ == '__main__'", "'__main__' == __name__"}


def _swallows(handler: ast.ExceptHandler) -> bool:
    if handler.type is not None and ast.unparse(handler.type) != "BaseException":
        return False
    return not any(isinstance(node, ast.Raise) for node in ast.walk(handler))
