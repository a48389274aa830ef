import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.errors import CursorError
from synapse_core.runs.cursor import format_cursor, parse_cursor

RUN, OTHER_RUN = "20260101-000000-00000001", "20260101-000000-00000002"


@given(offset=st.integers(min_value=0, max_value=10**15))
def test_a_cursor_leads_back_to_its_place_in_its_run_only(offset: int) -> None:
    cursor = format_cursor(RUN, offset)

    assert parse_cursor(RUN, cursor) == offset
    with pytest.raises(CursorError, match=f"was not made for run {OTHER_RUN}"):
        parse_cursor(OTHER_RUN, cursor)
    with pytest.raises(CursorError):
        parse_cursor(RUN, format_cursor(RUN, offset + 1).replace(str(offset + 1), str(offset)))


@given(text=st.text())
def test_any_other_text_is_refused_with_a_way_out(text: str) -> None:
    with pytest.raises(CursorError, match="none to read from the beginning"):
        parse_cursor(RUN, text)
