"""Rules on the source that no other checker keeps."""

import ast
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHIPPED = ("synapse_core", "synapse_mcp")
FOLDERS = (*SHIPPED, "tests", "benchmarks", "examples")
NOT_OURS = (Path("synapse_core/scaffold/templates"), Path("tests/corpus"))
MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 50
BANNED = {"util", "utils", "common", "helper", "helpers", "core", "manager", "managers", "misc"}
IGNORE = re.compile(
    r"#\s*(?:noqa|type:\s*ignore|pyright:\s*(?:ignore|basic)|pragma:\s*no cover|fmt:\s*off)"
    r"(?P<codes>:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*|\[[\w\-, ]+\])?(?P<reason>.*)"
)
WORD = re.compile(r"[A-Za-z]{2,}")


def sources(*folders: str) -> list[Path]:
    """Return the Python files that are ours, relative to the root."""
    found = [path.relative_to(ROOT) for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return sorted(
        path
        for path in found
        if "node_modules" not in path.parts and not any(top in path.parents for top in NOT_OURS)
    )


def parse(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), str(path))


def comments(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and text of each comment; a comment in a string is none."""
    with (ROOT / path).open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string


def exported(tree: ast.Module) -> list[str] | None:
    """Return the names in `__all__`, None when there is none."""
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=value):
                return list(ast.literal_eval(value))
            case _:
                pass
    return None


def names_of(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement at the top of a module defines."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            yield from (alias.asname or alias.name for alias in names)
        case ast.If(body=body, orelse=orelse) | ast.Try(body=body, orelse=orelse):
            for inner in (*body, *orelse):
                yield from names_of(inner)
        case ast.Assign() | ast.AnnAssign():
            yield from (part.id for part in ast.walk(node) if isinstance(part, ast.Name))
        case _:
            pass


def test_a_public_module_says_what_it_promises() -> None:
    wrong: list[str] = []
    for path in sources(*SHIPPED):
        if path.name.startswith("_"):
            continue
        tree = parse(path)
        names = exported(tree)
        defined = {name for node in tree.body for name in names_of(node)}
        if names is None:
            wrong.append(f"{path} has no __all__")
        elif len(set(names)) < len(names) or not set(names) <= defined:
            wrong.append(f"{path} has names in __all__ that are doubled or not there")

    assert wrong == []


def test_a_file_has_room_for_one_duty_only() -> None:
    lines = {
        str(path): (ROOT / path).read_text(encoding="utf-8").count("\n")
        for path in sources(*FOLDERS)
    }

    assert {path: count for path, count in lines.items() if count > MAX_FILE_LINES} == {}


def test_the_body_of_a_function_fits_on_a_screen() -> None:
    """A signature may be long: that of a command holds the help of its options."""
    lines = {
        f"{path}:{node.lineno} {node.name}": node.end_lineno - node.body[0].lineno + 1
        for path in sources(*SHIPPED, "examples")
        for node in ast.walk(parse(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None
    }

    assert {name: count for name, count in lines.items() if count > MAX_FUNCTION_LINES} == {}


def test_no_module_is_named_after_nothing() -> None:
    words = {
        str(path): BANNED & {part.removesuffix(".py") for part in path.parts[1:]}
        for path in sources(*SHIPPED)
    }

    assert {path: found for path, found in words.items() if found} == {}


def test_every_silenced_checker_carries_its_reason() -> None:
    silent = [
        f"{path}:{line}: {text}"
        for path in sources(*FOLDERS)
        for line, text in comments(path)
        if (found := IGNORE.search(text)) and not has_reason(found)
    ]

    assert silent == []


def has_reason(found: re.Match[str]) -> bool:
    """Whether codes are named, and words follow them."""
    return found["codes"] is not None and len(WORD.findall(found["reason"])) > 1


@pytest.mark.parametrize(
    "line",
    [
        "# noqa: S101 asserting is the point",
        "# noqa: S101, B008 — asserting is the point",
        "# type: ignore[arg-type]  # the stub is wrong",
        "# pyright: ignore[reportUnknownMemberType]: the library has no types",
    ],
)
def test_a_reason_after_the_code_is_seen(line: str) -> None:
    found = IGNORE.search(line)

    assert found
    assert has_reason(found)


@pytest.mark.parametrize(
    "line", ["# noqa: S101", "# noqa", "# type: ignore", "# type: ignore[arg-type]", "# noqa: ok"]
)
def test_a_missing_reason_is_seen(line: str) -> None:
    found = IGNORE.search(line)

    assert found
    assert not has_reason(found)


def test_no_test_waits_by_sleeping_or_patches_our_code() -> None:
    """Actions that tests run may sleep: they stand in strings, or say `# the action sleeps`."""
    found: list[str] = []
    for path in sources("tests"):
        excused = {line for line, text in comments(path) if "the action sleeps" in text}
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.Call) and node.lineno not in excused:
                called = ast.unparse(node.func)
                if called.endswith((".sleep", "monkeypatch.setattr")):
                    found.append(f"{path}:{node.lineno}: {called}")
            if isinstance(node, ast.Import | ast.ImportFrom) and "mock" in ast.unparse(node):
                found.append(f"{path}:{node.lineno}: {ast.unparse(node)}")

    assert found == []
