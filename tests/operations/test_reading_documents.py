"""What a service of another version describes is refused with a word about versions."""

from collections.abc import Callable

import pytest

from synapse_core.errors import InvalidInputError
from synapse_core.operations.pipelines.documents import parse_description, parse_listing
from synapse_core.operations.plugin_documents import parse_action, parse_page, parse_plugin
from synapse_core.types import JSONObject

PARSERS: tuple[Callable[[JSONObject], object], ...] = (
    parse_plugin,
    parse_page,
    parse_action,
    parse_listing,
    parse_description,
)


DOCUMENTS: list[JSONObject] = [
    {},
    {"plugin": 1, "plugins": [{}], "name": "a", "nodes": 3, "code": "a", "actions": ["x"]},
]


@pytest.mark.parametrize("parse", PARSERS, ids=lambda one: one.__name__)
@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_document_in_an_unknown_form_is_told_once(
    parse: Callable[[JSONObject], object], document: JSONObject
) -> None:
    with pytest.raises(InvalidInputError, match="in a form that this version does not") as caught:
        parse(document)
    assert "InvalidInputError" not in caught.value.message
    assert "same version" in caught.value.hint
