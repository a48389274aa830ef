"""A workspace with a plugin whose pipelines tests run through workers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_core.workspace import Workspace, open_workspace

CONFIG = """
name: Works
code: works
version: 1.0.0
env: {GREETING: hello}
actions:
  split: {entrypoint: "works:split"}
  square: {entrypoint: "works:square"}
  total: {entrypoint: "works:total"}
  write: {entrypoint: "works:write"}
  read: {entrypoint: "works:read"}
  fail: {entrypoint: "works:fail"}
  wait: {entrypoint: "works:wait"}
  undo: {entrypoint: "works:undo"}
pipelines:
  squares:
    description: Adds up squares.
    params: {count: 3}
    nodes:
      split: {action: split, inputs: {count: "${params.count}"}}
      square:
        action: works/square
        map: ${split.numbers}
        inputs: {number: "${item}"}
        max_parallel: 2
      total: {action: total, inputs: {numbers: "${square}"}}
      extra: {action: total, inputs: {numbers: "${square}"}, when: "${split.count} > 5"}
    output: {total: "${total.total}", extra: "${extra}"}
  line:
    chain: [split, total]
  failing:
    on_failure: continue
    nodes:
      bad: {action: fail, inputs: {flag: "${params.flag}"}}
      after_bad: {action: split, inputs: {count: 1}, after: bad}
      other: {action: split, inputs: {count: 2}}
      undone: {action: write, inputs: {text: a}, undo: undo}
  slow:
    nodes:
      first: {action: split, inputs: {count: 1}}
      slow: {action: wait, after: first}
      last: {action: split, inputs: {count: 1}, after: slow}
  apart:
    on_failure: continue
    nodes:
      slow: {action: wait}
      behind: {action: split, inputs: {count: 1}, after: slow}
      other: {action: split, inputs: {count: 1}}
  sharing:
    chain: [write, read]
  kept:
    nodes:
      write: {action: write, inputs: {text: "${params.text}"}, cache: true}
      read: {action: read, after: write}
"""

ACTIONS = """
import os
import time
from pathlib import Path

from pydantic import BaseModel

from synapse_core import RuntimeContext, action


class Numbers(BaseModel):
    numbers: list[int]
    count: int


@action(result=Numbers)
def split(count: int, ctx: RuntimeContext):
    ctx.logger.info("splitting %d", count)
    return Numbers(numbers=list(range(count)), count=count)


@action
def square(number: int, ctx: RuntimeContext) -> int:
    ctx.set_progress(1, 1)
    return number * number


@action
def total(numbers: list[int]) -> dict:
    return {"total": sum(numbers)}


@action
def write(ctx: RuntimeContext, text: str = "data") -> dict:
    assert ctx.pipeline.pipeline_id
    path = ctx.pipeline.datasets_dir / "text"
    with path.open("a") as file:
        file.write(text)
    return {"path": str(path)}


@action
def read(ctx: RuntimeContext, path: str = "") -> str:
    place = Path(path) if path else ctx.pipeline.datasets_dir / "text"
    return f"{os.environ['GREETING']} {place.read_text()}"


@action
def fail(flag: str):
    if not os.path.exists(flag):
        raise ValueError(f"there is no {flag}")
    return {"ok": True}


@action
def wait(ctx: RuntimeContext):
    ctx.logger.info("waiting")
    while True:
        ctx.sleep(0.05)


@action
def undo(path: str, text: str):
    Path(path).write_text(f"undone {text}")
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    folder = tmp_path / "plugins" / "works"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    (folder / "works.py").write_text(ACTIONS, encoding="utf-8")
    return folder


@pytest.fixture
def workspace(tmp_path: Path, plugin: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path / "home", [plugin.parent]) as opened:
        yield opened
