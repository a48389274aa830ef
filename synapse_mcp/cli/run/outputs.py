"""`synapse run outputs`."""

import shutil
from pathlib import Path, PurePath
from typing import Annotated

import typer

from synapse_core.errors import OverwriteRefusedError, StorageError
from synapse_core.operations.outputs import list_outputs, locate_output, preview_output
from synapse_core.operations.runs import find_run
from synapse_core.workspace import Workspace
from synapse_mcp.cli.failures import ExitCode, UsageFault
from synapse_mcp.cli.formatting import size_text
from synapse_mcp.cli.opening import open_runs
from synapse_mcp.cli.options import JsonOption, RunArgument
from synapse_mcp.cli.output import Output, note, to_json

__all__ = ["outputs"]


def outputs(
    run: RunArgument,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Show the beginning of this file.")
    ] = None,
    *,
    save: Annotated[
        Path | None,
        typer.Option("--save", "-o", metavar="PATH", help="Copy the file, or all of them, there."),
    ] = None,
    lines: Annotated[
        int, typer.Option("--lines", min=0, max=10_000, help="Lines to show of a text.")
    ] = 20,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    as_json: JsonOption = False,
) -> int:
    """List the files a run saved, or get one.

    Example: synapse run outputs last report.html --save report.html
    """
    output = Output(as_json=as_json)
    with open_runs() as workspace:
        run_id = find_run(workspace, run)
        if save is not None:
            return _save(workspace, run_id, name, save, force=force, output=output)
        if name is not None:
            return _preview(workspace, run_id, name, lines, output)
        return _list(workspace, run_id, output)


def _list(workspace: Workspace, run_id: str, output: Output) -> int:
    artifacts = list_outputs(workspace, run_id)
    # Files of a service's run lie there, and come here when somebody asks for them.
    is_here = workspace.service is None
    folder = workspace.home.run_dir(run_id) if is_here else PurePath(run_id)
    if output.as_json:
        found = [{**_members(artifact), "path": folder / artifact.path} for artifact in artifacts]
        output.json({"run_id": run_id, "artifacts": found})
    elif not artifacts:
        note(f"Run {run_id} saved no files.")
    else:
        rows = [
            (item.name, size_text(item.size_bytes), item.media_type, str(folder / item.path))
            for item in artifacts
        ]
        output.table(("name", "size", "type", "path"), rows)
    return ExitCode.DONE


def _preview(workspace: Workspace, run_id: str, name: str, lines: int, output: Output) -> int:
    preview = preview_output(workspace, run_id, name, lines=lines)
    if output.as_json:
        output.json({"run_id": run_id, **_members(preview)})
        return ExitCode.DONE
    if preview.is_binary:
        artifact = preview.artifact
        output.line(f"{artifact.media_type}, {size_text(artifact.size_bytes)}: {preview.path}")
        return ExitCode.DONE
    output.line(preview.text)
    if preview.truncated:
        note(f"There is more: {preview.path}")
    return ExitCode.DONE


def _save(
    workspace: Workspace, run_id: str, name: str | None, to: Path, *, force: bool, output: Output
) -> int:
    names = [name] if name is not None else [item.name for item in list_outputs(workspace, run_id)]
    is_folder = name is None or to.is_dir()
    if name is None and to.exists() and not to.is_dir():
        raise UsageFault(f"{to} is no folder.", hint="Name a folder for all files of the run.")
    saved: list[Path] = []
    for each in names:
        _, source = locate_output(workspace, run_id, each)
        target = to / each if is_folder else to
        _copy(source, target, force=force)
        saved.append(target)
    if output.as_json:
        output.json({"run_id": run_id, "saved": saved})
    else:
        for target in saved:
            output.line(f"Saved {target}")
    return ExitCode.DONE


def _copy(source: Path, target: Path, *, force: bool) -> None:
    if target.exists() and not force:
        raise OverwriteRefusedError(
            f"{target} is already there.", hint="Add --force to replace it.", path=str(target)
        )
    draft = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, draft)
        draft.replace(target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise StorageError(
            f"Cannot write {target}: {error.strerror}.",
            hint="Check the folder, its permissions and the free disk space.",
            path=str(target),
        ) from error


def _members(value: object) -> dict[str, object]:
    told = to_json(value)
    return dict(told) if isinstance(told, dict) else {}
