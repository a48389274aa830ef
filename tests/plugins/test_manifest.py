"""What a `config.yaml` may say, and what is said of one that is wrong."""

import json
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synapse_core.errors import ManifestError
from synapse_core.model.plugin import ActionMethod, PluginCategory
from synapse_core.plugins.manifest import Manifest
from synapse_core.plugins.parsing import parse_manifest
from synapse_core.plugins.pipeline_entries import NodeEntry, PipelineEntry

FOLDER = Path("/plugins/my_plugin")

WHOLE = """\
name: My plugin
code: my_plugin
version: 1.10
category: export
description: |
  Two lines
  of text.
readme: docs/README.md
package_manager: pip
package_manager_options: [--no-cache]
wheels_dir: libs
env: {BATCH: 032, FAST: yes, NAME: x}
runtime_env: {pip: [torch]}
data_type: image
tasks: [image.object_detection]
supported_data_type: [image, video]
annotation_category: object_detection
annotation_type: bbox
smart_tool: interactive
actions:
  export:
    name: Export it
    description: Writes files.
    entrypoint: my_plugin.export.ExportAction
    category: upload
    method: job
    input_type: model_weights
    output_type: onnx_model
    resources: {cpus: 2, gpus: 0.5, memory: 2G, custom: {fpga: 1, "node:10.0.0.7": 0.001}}
    timeout: 1h30m
    retries: {retries: 3, backoff: 500ms, factor: 3, max_backoff: 1m}
    params_schema: {type: object}
  short:
    entrypoint: my_plugin.export:short
    retries: 2
    timeout: 90
  bare:
pipelines:
  whole:
    description: Exports twice.
    params: {quality: 3}
    nodes:
      first:
        action: export
        inputs: {quality: "${params.quality}"}
        resources: {cpus: 1}
        timeout: 5m
        retries: 1
        cache: true
        undo: other_plugin/remove
      second:
        action: other_plugin/export
        inputs: {part: "${item}"}
        map: ${first.parts}
        max_parallel: 2
        when: ${first.count} > 0
        after: first
    output: ${second}
    on_failure: continue
    max_parallel: 3
    timeout: 1h
  line:
    chain: [export, other_plugin/short]
"""


def faults(text: str) -> list[dict[str, Any]]:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(text, FOLDER)
    found = cast("list[dict[str, Any]]", caught.value.data["diagnostics"])
    assert found
    assert all(fault["file"] == "config.yaml" and fault["fix"] for fault in found)
    return found


def fault(text: str) -> tuple[str, str, int, int]:
    (only,) = faults(text)
    return only["code"], only["key"], only["line"], only["column"]


def parse(more: str) -> Manifest:
    return parse_manifest(f"name: x\ncode: x\n{more}", FOLDER)


def test_every_field_is_read() -> None:
    manifest = parse_manifest(WHOLE, FOLDER)

    assert set(Manifest.model_fields) == set(manifest.model_fields_set)
    assert manifest.category is PluginCategory.EXPORT
    assert manifest.description == "Two lines\nof text."
    export, short, bare = (manifest.actions[name] for name in ("export", "short", "bare"))
    assert export.entrypoint == "my_plugin.export:ExportAction"
    assert export.method is ActionMethod.JOB
    assert (export.resources.cpus, export.resources.gpus, export.resources.memory) == (2, 0.5, 2048)
    assert export.resources.wanted().custom == {"fpga": 1, "node:10.0.0.7": 0.001}
    assert export.timeout == 5400
    assert (export.retries.retries, export.retries.backoff, export.retries.factor) == (3, 0.5, 3)
    assert (short.retries.retries, short.timeout) == (2, 90)
    assert (bare.entrypoint, bare.timeout) == (None, None)
    whole, line = manifest.pipelines["whole"], manifest.pipelines["line"]
    assert set(PipelineEntry.model_fields) - {"chain"} == set(whole.model_fields_set)
    first, second = whole.nodes["first"], whole.nodes["second"]
    assert set(NodeEntry.model_fields) == first.model_fields_set | second.model_fields_set
    assert (first.timeout, first.undo) == (300, "other_plugin/remove")
    assert (second.when, second.after) == (["${first.count} > 0"], ["first"])
    assert line.chain == ["export", "other_plugin/short"]


def test_text_stays_as_it_was_written_where_yaml_sees_something_else() -> None:
    manifest = parse_manifest(WHOLE, FOLDER)

    assert manifest.version == "1.10"
    assert manifest.env == {"BATCH": "032", "FAST": "yes", "NAME": "x"}


def test_a_key_with_nothing_behind_it_counts_as_left_out() -> None:
    manifest = parse("description:\nactions:\nenv:\nversion: ~\n")

    assert manifest == parse("")


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90", 90), ("1.5", 1.5), ("10m", 600), ("'2 h'", 7200), ("1d", 86_400), ("250ms", 0.25)],
)
def test_a_time_has_units(written: str, seconds: float) -> None:
    manifest = parse(f"actions: {{a: {{timeout: {written}}}}}")

    assert manifest.actions["a"].timeout == seconds


@pytest.mark.parametrize(
    ("written", "megabytes"), [("512", 512), ("1G", 1024), ("2GiB", 2048), ("1.5 g", 1536)]
)
def test_a_size_has_units(written: str, megabytes: int) -> None:
    manifest = parse(f"actions: {{a: {{resources: {{memory: {written}}}}}}}")

    assert manifest.actions["a"].resources.memory == megabytes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("code: x\n", ("missing-key", "name", 1, 1)),
        ("name: x\ncode:\n", ("missing-key", "code", 2, 1)),
        ("name: x\ncode: x\nverison: 1\n", ("unknown-key", "verison", 3, 1)),
        ("name: [x]\ncode: x\n", ("wrong-type", "name", 1, 1)),
        ("name: x\ncode: x\ncategory: exprot\n", ("wrong-value", "category", 3, 1)),
        ("name: x\ncode: x\ntasks: image\n", ("wrong-type", "tasks", 3, 1)),
        ("name: x\ncode: x\ntasks:\n  - image\n", ("wrong-value", "tasks.0", 4, 5)),
        ("name: x\ncode: x\nactions: [a]\n", ("wrong-type", "actions", 3, 1)),
        ("name: x\ncode: x\nactions:\n  a: 5\n", ("wrong-type", "actions.a", 4, 3)),
        (
            "name: x\ncode: x\nactions:\n  b:\n    methd: job\n",
            ("unknown-key", "actions.b.methd", 5, 5),
        ),
        ("name: x\ncode: x\nname: y\n", ("duplicate-key", "name", 3, 1)),
        ("name: x\ncode: x\nactions:\n  a: {}\n  a: {}\n", ("duplicate-key", "actions.a", 5, 3)),
        ("name: x\ncode: ../etc\n", ("wrong-value", "code", 2, 1)),
        ("name: x\ncode: x\nenv: {1A: x}\n", ("wrong-value", "env.1A", 3, 7)),
        ("name: x\ncode: x\nenv: {A: [1]}\n", ("wrong-type", "env.A", 3, 7)),
        ("name: x\ncode: x\nreadme: /etc/passwd\n", ("wrong-value", "readme", 3, 1)),
        ("name: x\ncode: x\nwheels_dir: a/../..\n", ("wrong-value", "wheels_dir", 3, 1)),
        ('name: "a\\nb"\ncode: x\n', ("wrong-value", "name", 1, 1)),
        ("name: ' '\ncode: x\n", ("wrong-value", "name", 1, 1)),
        ("", ("manifest-empty", "", 1, 1)),
        ("# only words\n", ("manifest-empty", "", 1, 1)),
        ("---\n- a\n", ("manifest-not-a-mapping", "", 2, 1)),
        ("just words", ("manifest-not-a-mapping", "", 1, 1)),
        ("name: x\ncode: [\n", ("yaml", "", 3, 1)),
        ("name: x\n\tcode: x\n", ("yaml", "", 2, 1)),
        ("name: x\ncode: x\n---\nname: y\n", ("yaml", "", 3, 1)),
        ("name: x\ncode: x\nenv: !!python/object/apply:os.system [id]\n", ("yaml", "", 3, 6)),
        ("name: x\ncode: *gone\n", ("yaml", "", 2, 7)),
        ("name: x\ncode: x\nenv: &e {A: *e}\n", ("yaml", "", 3, 13)),
    ],
)
def test_a_fault_is_told_where_it_is(text: str, expected: tuple[str, str, int, int]) -> None:
    assert fault(text) == expected


@pytest.mark.parametrize(
    "entry",
    [
        "timeout: soon",
        "timeout: 0",
        "timeout: -5",
        "timeout: .inf",
        "timeout: true",
        "timeout: 10 parsecs",
        "timeout: 99999999d",
        "retries: -1",
        "retries: 1.5",
        "retries: yes",
        "retries: 1000",
        "retries: {backoff: x}",
        "retries: {factor: 0}",
        "resources: {cpus: -1}",
        "resources: {gpus: many}",
        "resources: {memory: 2147483648}",
        "resources: {memory: 0}",
        "resources: 4",
        "resources: {custom: {CPU: 1}}",
        "resources: {custom: {memory: 1}}",
        "resources: {custom: {an fpga: 1}}",
        "resources: {custom: {'': 1}}",
        "resources: {custom: {fpga: -1}}",
        "resources: {custom: {fpga: many}}",
        "resources: {custom: {fpga: }}",
        "resources: {custom: [fpga]}",
        "resources: {custom: {fpga: .inf}}",
        "method: [job]",
        "entrypoint: plugin/actions.py:Run",
        "entrypoint: Run",
        "entrypoint: 'a b:c'",
        "entrypoint: 'class:Run'",
        "entrypoint: ':'",
        "params_schema: 5",
    ],
)
def test_a_wrong_value_of_an_action_is_refused(entry: str) -> None:
    code, key, line, column = fault(f"name: x\ncode: x\nactions:\n  a:\n    {entry}\n")

    assert code in {"wrong-value", "wrong-type", "yaml"}
    assert line == 5
    assert column >= 5
    assert code == "yaml" or key.startswith(f"actions.a.{entry.partition(':')[0]}")


def test_all_faults_are_told_at_once_in_the_order_of_the_file() -> None:
    found = faults(
        "nmae: x\ncode: my plugin\ncode: x y\ncategory: 5\nactions:\n  a:\n    timeout: soon\n"
        "    methd: job\n    env: {}\n"
    )

    assert [(each["line"], each["code"]) for each in found] == [
        (1, "missing-key"),
        (1, "unknown-key"),
        (3, "duplicate-key"),
        (3, "wrong-value"),
        (4, "wrong-value"),
        (7, "wrong-value"),
        (8, "unknown-key"),
        (9, "unknown-key"),
    ]


def test_the_error_names_the_first_fault_and_counts_the_others() -> None:
    with pytest.raises(ManifestError) as caught:
        parse_manifest("name: x\ncode: x\nverison: 1\ncategroy: export\n", FOLDER)

    assert str(caught.value) == (
        "/plugins/my_plugin/config.yaml, line 3: There is no key 'verison'. And 1 more fault. "
        "Did you mean 'version'?"
    )


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("name: x\ncode: x\nverison: 1\n", "'version'"),
        ("name: x\ncode: x\nactions: {a: {entrypont: a:b}}\n", "'entrypoint'"),
        ("name: x\ncode: x\nactions: {a: {resources: {cpu: 1}}}\n", "'cpus'"),
        ("name: x\ncode: x\nactions: {a: {retries: {retry: 1}}}\n", "'retries'"),
        ("name: x\ncode: x\nentrypoint: a:b\n", "below an action"),
        ("name: x\ncode: x\nactions: {a: {env: {}}}\n", "top of the file"),
        ("name: x\ncode: x\ncategory: exprot\n", "'export'"),
        ("name: x\ncode: x\nactions: {a: {method: jobs}}\n", "'job'"),
        ("name: x\ncode: my plugin\n", "`my_plugin`"),
        ("name: x\ncode: x\nactions: {train me: {}}\n", "`train_me`"),
        ("name: x\ncode: x\nactions: {a: {entrypoint: src/train.py:Run}}\n", "`src.train:Run`"),
        ("name: x\n\tcode: x\n", "spaces"),
        ("name: x\n", "`code: my_plugin`"),
    ],
)
def test_the_fix_names_what_was_meant(text: str, fix: str) -> None:
    (only,) = faults(text)

    assert fix in only["fix"]


@pytest.mark.parametrize(
    "code", ["", " ", "a b", "a/b", "..", "a..b", ".a", "-a", "a\nb", "ünï", "x" * 101, "a\u202eb"]
)
def test_a_code_that_no_path_or_command_can_hold_is_refused(code: str) -> None:
    found = faults(f"name: x\ncode: {json.dumps(code)}\n")

    assert [each["key"] for each in found] == ["code"]


@pytest.mark.parametrize("code", ["a", "my-plugin", "my.plugin", "Plugin_2", "2d", "_x"])
def test_a_code_of_another_habit_is_fine(code: str) -> None:
    assert parse_manifest(f"name: x\ncode: {code!r}\n", FOLDER).code == code


def test_a_bomb_of_aliases_is_refused_before_it_explodes() -> None:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]

    assert fault("\n".join(lines))[0] == "yaml"


def test_nesting_without_end_is_refused() -> None:
    assert fault("[" * 50_000)[0] == "yaml"


def test_values_in_messages_are_short_and_harmless() -> None:
    found = faults(f'name: x\ncode: x\ncategory: "\\e[2J{"y" * 5000}"\n')

    assert len(found[0]["message"]) < 200
    assert "\x1b" not in str(found)


def test_a_manifest_of_another_program_is_recognised() -> None:
    with pytest.raises(ManifestError) as foreign:
        parse_manifest("model: resnet\nlr: 0.1\n", FOLDER)
    with pytest.raises(ManifestError) as ours:
        parse_manifest("actions: {}\n", FOLDER)

    assert foreign.value.data["is_foreign"] is True
    assert ours.value.data["is_foreign"] is False


MUTATIONS = st.lists(
    st.tuples(
        st.integers(0, len(WHOLE)),
        st.integers(0, 12),
        st.one_of(
            st.text(max_size=6),
            st.sampled_from(
                [":", "\n", "- ", "{", "}", "[", "*x", "&x ", "!!x ", "\t", "'", '"', "? "]
            ),
        ),
    ),
    max_size=4,
)


@given(MUTATIONS)
@settings(deadline=None)
def test_a_mangled_manifest_is_read_or_explained(changes: list[tuple[int, int, str]]) -> None:
    text = WHOLE
    for at, removed, added in changes:
        text = text[:at] + added + text[at + removed :]

    read_or_explain(text)


@given(st.text())
@settings(deadline=None)
def test_any_text_is_read_or_explained(text: str) -> None:
    read_or_explain(text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*Manifest.model_fields]), VALUES), VALUES)
@settings(deadline=None)
def test_any_values_are_read_or_explained(fields: dict[str, object], entry: object) -> None:
    read_or_explain(json.dumps({**fields, "actions": {"a": entry, "b": {"timeout": entry}}}))


def read_or_explain(text: str) -> None:
    try:
        manifest = parse_manifest(text, FOLDER)
    except ManifestError as error:
        found = cast("list[dict[str, Any]]", error.data["diagnostics"])
        lines = max(1, len(text.split("\n")))
        assert found
        for each in found:
            assert each["message"]
            assert 0 <= each["line"] <= lines + text.count("\r") + text.count("\x85") + 1
    else:
        assert Manifest.model_validate(manifest.to_json()) == manifest


def test_more_replicas_than_the_most_of_them_are_refused() -> None:
    text = """
name: Mine
code: mine
actions:
  answer:
    entrypoint: act:answer
    method: serve
    serve:
      replicas: 3
      max_replicas: 2
"""
    with pytest.raises(ManifestError) as caught:
        parse_manifest(text, FOLDER)

    assert "line 10: `max_replicas` is 2, which is less than `replicas`, 3" in str(caught.value)
