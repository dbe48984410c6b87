"""How the operator is told what to do."""

from __future__ import annotations

import dataclasses

import pytest

from fastapi_maintenance_operator.settings import PREFIX, Settings, parse

ALL = Settings(
    host="127.0.0.1",
    port=9090,
    namespace="shop",
    lease_namespace="ops",
    page="full",
    page_port=9091,
    log_level="DEBUG",
    log_format="json",
    check=True,
)
WORDS = {
    "host": "127.0.0.1",
    "port": "9090",
    "namespace": "shop",
    "lease_namespace": "ops",
    "page": "full",
    "page_port": "9091",
    "log_level": "DEBUG",
    "log_format": "json",
}


def test_without_anything_the_defaults_hold() -> None:
    assert parse([], {}) == Settings()


def test_each_setting_has_a_flag() -> None:
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in WORDS.items()]
    assert parse([*flags, "--check"], {}) == ALL


def test_each_setting_has_an_environment_variable() -> None:
    environ = {PREFIX + name.upper(): value for name, value in WORDS.items()}
    assert parse([], environ) == dataclasses.replace(ALL, check=False)


def test_a_flag_wins_over_the_environment() -> None:
    assert parse(["--namespace=bank"], {f"{PREFIX}NAMESPACE": "shop"}).namespace == "bank"


def test_an_empty_variable_is_none() -> None:
    """As a template leaves it where a value is not set."""
    assert parse([], {f"{PREFIX}NAMESPACE": "", f"{PREFIX}PORT": ""}) == Settings()


@pytest.mark.parametrize(
    ("words", "environ", "said"),
    [
        (["--port=70000"], {}, "'70000' is no port: a number from 0 to 65535"),
        ([], {f"{PREFIX}PORT": "http"}, "'http' is no port"),
        (["--namespace=Shop"], {}, "'Shop' is no namespace: lower-case letters"),
        (["--page=yes"], {}, "argument --page: invalid choice: 'yes'"),
        (["--lease-namespace=a,b"], {}, "'a,b' is no namespace"),
        ([], {f"{PREFIX}LOG_FORMAT": "xml"}, "argument --log-format: invalid choice: 'xml'"),
        (["--name=shop"], {}, "unrecognized arguments: --name=shop"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_mend(
    words: list[str], environ: dict[str, str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(words, environ)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_help_tells_of_every_option_and_shows_how_it_is_used(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["--help"], {})
    said = capsys.readouterr().out
    assert ended.value.code == 0
    for field in dataclasses.fields(Settings):
        assert f"--{field.name.replace('_', '-')}" in said
    assert f"{PREFIX}LOG_LEVEL" in said
    assert "python -m fastapi_maintenance_operator --namespace shop" in said
