"""The SQL that finds one page of the list of runs."""

from synapse_core.model.run import RunFilter, RunStatus
from synapse_core.runs.store.database import Cell, Texts
from synapse_core.runs.store.list_cursor import Place

__all__ = ["select_page"]

_NEWEST_FIRST = "ORDER BY created_at DESC, number DESC LIMIT :limit"


def select_page(
    columns: str, where: RunFilter, before: Place | None, limit: int, texts: Texts
) -> tuple[str, dict[str, Cell]]:
    """Return a query, and its values, for up to `limit` runs after the place, newest first.

    The runs of each status that match stand in the wanted order in an index, whatever else is asked
    for. Merging the first few of each takes the same time in a store of any size.
    """
    values: dict[str, Cell] = {"limit": limit}
    conditions = _conditions(where, before, values, texts)
    branches: list[str] = []
    for number, status in enumerate(sorted(where.statuses or RunStatus)):
        values[f"status{number}"] = status.value
        branches.append(
            "SELECT * FROM (SELECT number, created_at FROM runs "  # noqa: S608 - our own words; values are bound
            f"WHERE {' AND '.join((f'status = :status{number}', *conditions))} {_NEWEST_FIRST}) "
            f"AS of_status{number}"
        )
    merged = f"{' UNION ALL '.join(branches)} {_NEWEST_FIRST}"
    query = (
        f"WITH page (number, created_at) AS ({merged}) "  # noqa: S608 - our own words; values are bound
        f"SELECT runs.number, {columns} FROM page CROSS JOIN runs "
        "WHERE runs.number = page.number ORDER BY page.created_at DESC, page.number DESC"
    )
    return query, values


def _conditions(
    where: RunFilter, before: Place | None, values: dict[str, Cell], texts: Texts
) -> list[str]:
    conditions = ["parent_id IS NULL" if where.parent_id is None else "parent_id = :parent"]
    if where.parent_id is not None:
        values["parent"] = texts.bind(where.parent_id)
    if where.plugin is not None:
        conditions.append("plugin = :plugin")
        values["plugin"] = texts.bind(where.plugin)
    if where.action is not None:
        conditions.append("action = :action")
        values["action"] = texts.bind(where.action)
    if where.since is not None:
        conditions.append("created_at >= :since")
        values["since"] = where.since
    if where.until is not None:
        conditions.append("created_at < :until")
        values["until"] = where.until
    if before is not None:
        conditions.append("(created_at, number) < (:before, :number)")
        values["before"], values["number"] = before
    return conditions
