"""The pages under docs/exporters say what is so."""

import re
from pathlib import Path

import pytest
import yaml

from exporters.probing.pacing import Pacing
from exporters.probing.registry import COLLECTORS
from exporters.probing.routes import PAUSE_PATH, PAUSES_PATH, RESUME_PATH, SD_PATH
from exporters.probing.scrape import REASONS

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "exporters" / "README.md").read_text()
SAFE = (DOCS / "exporters" / "safe-for-devices.md").read_text()


def test_every_protocol_is_in_the_table_of_what_may_be_sent() -> None:
    rows = re.findall(r"^\| (\w+) \|", SAFE.partition("## How often")[0], re.MULTILINE)
    assert set(rows) - {"Protocol"} == set(COLLECTORS.names())


@pytest.mark.parametrize("path", [SD_PATH, PAUSE_PATH, RESUME_PATH, PAUSES_PATH, "/probe", "/snmp"])
def test_every_route_is_described(path: str) -> None:
    assert f"`{path}" in PAGE


def test_every_reason_of_the_engine_is_described() -> None:
    described = set(re.findall(r"`(\w+)`", PAGE.partition("| Reason | Meaning |")[2].partition("\n## ")[0]))
    assert {*(reason.value for reason in REASONS if reason != "spread"), "busy", "internal"} <= described


def test_limits_of_the_example_are_the_defaults() -> None:
    example = yaml.safe_load((DOCS / "examples" / "exporters.yml").read_text())["pacing"]
    assert {key: str(value) for key, value in example.items()} == {key: str(getattr(Pacing(), key)) for key in example}
    assert set(example) == set(Pacing.__struct_fields__)
