"""`/sd`: targets that need no relabelling."""

import pytest

from exporters.inventory.devices import Device
from exporters.inventory.sd import Place, place_of, targets

METER = Device(
    name="meter-7",
    protocol="modbus",
    host="10.0.0.9",
    port=502,
    modules=("eastron", "extra"),
    labels={"site": "A"},
    interval_s=30.0,
    timeout_s=5.0,
)
SWITCH = Device(name="sw1", protocol="snmp", host="10.0.0.1", port=161, modules=("if_mib",), labels={"site": "B"})
HERE = Place("http", "127.0.0.1:9810")


def test_group_has_everything_prometheus_needs() -> None:
    assert targets([METER], HERE, {}) == [
        {
            "targets": ["127.0.0.1:9810"],
            "labels": {
                "__metrics_path__": "/probe",
                "__param_module": "eastron,extra",
                "__param_target": "meter-7",
                "__scrape_interval__": "30s",
                "__scrape_timeout__": "5s",
                "instance": "meter-7",
                "job": "modbus",
                "site": "A",
            },
        }
    ]


def test_no_interval_means_the_scrape_configs_own() -> None:
    labels = targets([SWITCH], HERE, {})[0]["labels"]
    assert not {"__scrape_interval__", "__scrape_timeout__", "__scheme__"} & set(labels)


def test_interval_below_the_default_timeout_brings_a_timeout() -> None:
    quick = Device(name="q", protocol="snmp", host="h", port=1, modules=("m",), interval_s=5.0)
    assert targets([quick], HERE, {})[0]["labels"]["__scrape_timeout__"] == "5s"


def test_external_url_gives_scheme_host_and_prefix() -> None:
    place = place_of("https://mon.example/heronwatch/", scheme="http", host="evil")
    assert place is not None
    group = targets([SWITCH], place, {})[0]
    assert group["targets"] == ["mon.example"]
    assert group["labels"]["__scheme__"] == "https"
    assert group["labels"]["__metrics_path__"] == "/heronwatch/probe"


@pytest.mark.parametrize("host", ["127.0.0.1:9810", "mon.example", "[::1]:9810", "mon_1:80"])
def test_host_of_the_request_is_used(host: str) -> None:
    assert place_of("", scheme="http", host=host) == Place("http", host)


@pytest.mark.parametrize("host", ["", "a b", "x/y", "user@host", "[::1", "h:123456"])
def test_host_that_is_none_is_refused(host: str) -> None:
    assert place_of("", scheme="http", host=host) is None


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({}, ["meter-7", "sw1"]),
        ({"job": ["snmp"]}, ["sw1"]),
        ({"site": ["A", "B"]}, ["meter-7", "sw1"]),
        ({"site": ["A"], "job": ["snmp"]}, []),
        ({"nope": ["x"]}, []),
    ],
)
def test_filters_choose_by_label(filters: dict[str, list[str]], names: list[str]) -> None:
    assert [group["labels"]["instance"] for group in targets([METER, SWITCH], HERE, filters)] == names
