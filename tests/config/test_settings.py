from pathlib import Path

import pytest

from synapse_core.config.settings import MAX_BYTES, Settings, UnknownKey, load_settings
from synapse_core.errors import ConfigError, EnvironmentNotFoundError, StorageError

WHOLE = """\
environment: dev
plugins:
  - /srv/plugins
  - nearby
environments:
  dev:
    service_url: https://synapse.example.com/
    token: abc-123
    variables:
      PORT: 0080
      DEBUG: yes
      EMPTY:
  prod:
    token_variable: PROD_TOKEN
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "config.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_whole_configuration_is_read(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, WHOLE))

    assert settings.active == "dev"
    assert settings.plugin_folders == (Path("/srv/plugins"), tmp_path / "nearby")
    dev = settings.environments["dev"]
    assert dev.service_url == "https://synapse.example.com"
    assert dev.token == "abc-123"
    assert settings.unknown == ()


def test_variables_keep_the_spelling_they_have_in_the_file(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, WHOLE))

    assert settings.environments["dev"].variables == {"PORT": "0080", "DEBUG": "yes", "EMPTY": ""}


@pytest.mark.parametrize("text", ["", "\n# only words\n", "\ufeff", "{}"])
def test_an_empty_configuration_is_a_configuration(tmp_path: Path, text: str) -> None:
    assert load_settings(write(tmp_path, text)) == Settings()


def test_no_file_means_no_settings(tmp_path: Path) -> None:
    assert load_settings(tmp_path / "none.yaml") == Settings()


def test_unknown_keys_are_reported_and_nothing_fails(tmp_path: Path) -> None:
    text = "enviroments: {}\nenvironments:\n  dev:\n    varibles: {A: b}\n    regions: [x]\n"

    assert load_settings(write(tmp_path, text)).unknown == (
        UnknownKey("enviroments", 1, "Did you mean 'environments'?"),
        UnknownKey("environments.dev.varibles", 4, "Did you mean 'variables'?"),
        UnknownKey("environments.dev.regions", 5, ""),
    )


@pytest.mark.parametrize(
    ("text", "key", "line", "words"),
    [
        ("- a", "the whole text", 1, "is no mapping"),
        ("environments: [a]", "environments", 1, "is no mapping"),
        ("plugins: x", "plugins", 1, "is no list"),
        ("plugins:\n  - [1]", "plugins.0", 2, "no single value"),
        ("plugins:\n  - ''", "plugins.0", 2, "is empty"),
        ("plugins:\n  - ~no_such_user_here/x", "plugins.0", 2, "cannot be resolved"),
        ("environment: [a]", "environment", 1, "no single value"),
        ("environments:\n  a b: {}", "environments.a b", 2, "no name for an environment"),
        (
            "environments:\n  d:\n    service_url: ftp://x",
            "environments.d.service_url",
            3,
            "no http",
        ),
        (
            "environments:\n  d:\n    service_url: http://[x",
            "environments.d.service_url",
            3,
            "parsed",
        ),
        ("environments:\n  d:\n    token: {a: b}", "environments.d.token", 3, "no single value"),
        ("environments:\n  d: {token: a, token_variable: B}", "environments.d", 2, "both"),
        ("environments:\n  d: {variables: {A B: c}}", "environments.d.variables.A B", 2, "no name"),
        ("environments:\n  d: {variables: [A]}", "environments.d.variables", 2, "no mapping"),
    ],
)
def test_a_wrong_value_is_named_with_its_line(
    tmp_path: Path, text: str, key: str, line: int, words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, text))

    assert caught.value.data["key"] == key
    assert caught.value.data["line"] == line
    assert words in caught.value.message
    assert caught.value.hint


def test_an_active_environment_that_is_missing_gets_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'dev'"):
        load_settings(write(tmp_path, "environment: dve\nenvironments: {dev: {}, prod: {}}"))


def test_credentials_in_a_url_are_refused_and_not_repeated(tmp_path: Path) -> None:
    text = "environments:\n  d:\n    service_url: https://me:hunter2@example.com"

    with pytest.raises(ConfigError, match=r"example\.com") as caught:
        load_settings(write(tmp_path, text))

    assert "hunter2" not in str(caught.value)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_bytes(b"environment: \xff\xfe")

    with pytest.raises(ConfigError, match="byte 13 is 0xff"):
        load_settings(file)


def test_a_file_too_large_to_be_meant_is_not_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    with file.open("wb") as stream:
        stream.truncate(MAX_BYTES * 1000)

    with pytest.raises(ConfigError, match="larger than"):
        load_settings(file)


def test_a_folder_in_its_place_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="Cannot read"):
        load_settings(tmp_path)


def test_the_active_environment_is_found_and_an_unknown_one_is_not(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, WHOLE))

    active = settings.environment()
    assert active is not None
    assert active.name == "dev"
    with pytest.raises(EnvironmentNotFoundError, match="Did you mean 'prod'"):
        settings.environment("prd")
    assert Settings().environment() is None


def test_a_token_may_stay_in_a_variable(tmp_path: Path) -> None:
    prod = load_settings(write(tmp_path, WHOLE)).environments["prod"]

    assert prod.find_token({"PROD_TOKEN": "s3cret"}) == "s3cret"
    with pytest.raises(ConfigError, match="export PROD_TOKEN"):
        prod.find_token({})


def test_secrets_are_not_in_the_repr(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, WHOLE))

    assert "abc-123" not in repr(settings)
    assert "0080" not in repr(settings)


def test_clusters_of_an_environment_are_read_and_checked(tmp_path: Path) -> None:
    text = (
        "environment: dev\nenvironments:\n  dev:\n    clusters:\n"
        "      gpu: {address: 'head:6379', dashboard: 'http://head:8265', token_variable: T}\n"
    )

    gpu = load_settings(write(tmp_path, text)).clusters["gpu"]

    assert (gpu.address, gpu.dashboard) == ("head:6379", "http://head:8265")
    assert gpu.find_token({"T": "secret"}) == "secret"
    with pytest.raises(ConfigError, match="T, which is not set"):
        gpu.find_token({})
    assert gpu.service is gpu.python is gpu.find_service_token({}) is None
    broken = text.replace("address: 'head:6379', dashboard", "token")
    with pytest.raises(ConfigError, match="says nowhere where it is"):
        load_settings(write(tmp_path, broken))


def test_a_cluster_names_the_service_that_its_machines_reach(tmp_path: Path) -> None:
    text = (
        "environment: dev\nenvironments:\n  dev:\n    clusters:\n"
        "      far: {address: 'far:6379', service: 'http://here:8100/', python: /opt/bin/python,\n"
        "            service_token_variable: S}\n"
    )

    far = load_settings(write(tmp_path, text)).clusters["far"]

    assert (far.service, far.python) == ("http://here:8100", "/opt/bin/python")
    assert far.find_service_token({"S": "secret"}) == "secret"
    with pytest.raises(ConfigError, match="S, which is not set"):
        far.find_service_token({})
    with pytest.raises(ConfigError, match="service cannot be used"):
        load_settings(write(tmp_path, text.replace("http://here", "here")))
