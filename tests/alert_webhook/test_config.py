"""Configurations: the example loads; each bad one gives exactly the faults beside it."""

from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from alert_webhook.config import Config
from heronwatch.config import ConfigError, load, loads
from heronwatch.schema import json_schema

BAD = Path(__file__).parents[1] / "bad_config" / "webhook"
EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "webhook.yml"
ENV = {"TOKEN": "0123456789abcdef0123456789abcdef", "SHORT": "secret"}


@pytest.mark.parametrize("file", sorted(BAD.glob("*.yml")), ids=lambda file: file.stem)
def test_a_bad_configuration_names_file_line_path_and_remedy(file: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        loads(file.read_text(), Config, file=file.name, env=ENV)
    assert str(caught.value) + "\n" == file.with_suffix(".txt").read_text()


def test_the_example_loads(tmp_path: Path) -> None:
    (tmp_path / "webhook.yml").write_text(EXAMPLE.read_text())
    (tmp_path / "intake-token").write_text(f"{ENV['TOKEN']}\n")
    env = {"TWILIO_AUTH_TOKEN": "twilio-canary-1234", "SMTP_PASSWORD": "smtp-canary-1234"}
    loaded = load([tmp_path / "webhook.yml"], Config, env=env)
    assert loaded.warnings == ()
    assert loaded.value.integrations["main"].tokens[0].reveal() == ENV["TOKEN"]
    assert "canary" not in loaded.masked()


def test_the_example_fits_the_schema() -> None:
    assert list(Draft202012Validator(json_schema(Config)).iter_errors(yaml.safe_load(EXAMPLE.read_text()))) == []


def test_people_keep_the_order_of_their_contacts(tmp_path: Path) -> None:
    (tmp_path / "webhook.yml").write_text(EXAMPLE.read_text())
    (tmp_path / "intake-token").write_text(ENV["TOKEN"])
    loaded = load([tmp_path / "webhook.yml"], Config, env={"TWILIO_AUTH_TOKEN": "x", "SMTP_PASSWORD": "y"})
    ana = loaded.value.persons()["ana"]
    assert [(contact.name, contact.channel) for contact in ana.contacts] == [("sms", "sms"), ("mail", "mail")]
