"""What the catalogue lists is really emitted: exposed by the detector, named in the sources of the other parts."""

import re
from functools import cache
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from anomaly_detector.feedback.metrics import FeedbackCollector
from anomaly_detector.metrics import Metrics, StatusCollector
from anomaly_detector.service import Detector
from grafana.dashboards_src import catalogue
from grafana.dashboards_src.catalogue_modules import MODULES
from tests.fakes.clock import FakeClock
from tests.fakes.detector_plans import NOWHERE, config

ROOT = Path(__file__).parents[2]
# (package, names, prefix that the package may add by itself)
EMITTED = [
    ("exporters", catalogue.EXPORTER, "heronwatch_exporter_"),
    ("exporters", catalogue.SCRAPES, ""),
    ("anomaly_detector", catalogue.DETECTOR_OUTPUT, ""),
    ("alert_webhook", catalogue.WEBHOOK, "heronwatch_webhook_"),
]


def sources(package: str) -> str:
    return "\n".join(path.read_text() for path in (ROOT / package).rglob("*.py"))


@pytest.mark.parametrize(
    ("package", "name", "prefix"), [(package, name, prefix) for package, names, prefix in EMITTED for name in names]
)
def test_service_emits_it(package: str, name: str, prefix: str) -> None:
    # prometheus_client adds _total to counters, _bucket to histograms, _sum to summaries; a protocol's own route puts
    # its name first
    bare = name.removesuffix("_total").removesuffix("_bucket").removesuffix("_sum")
    spellings = {name, bare, name.removeprefix(prefix), name.replace("snmp_", "{protocol}_")}
    assert any(f'"{spelling}"' in sources(package) for spelling in spellings)


SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum"), "summary": ("_count", "_sum")}


@cache
def exposed_by_the_detector() -> frozenset[str]:
    """Every name of its /metrics, those without samples yet included."""
    registry = CollectorRegistry()
    query = f"{{datasource_url: '{NOWHERE}', queries: {{a: {{expr: up}}}}}}"
    detector = Detector(config(f"reader: {query}"), clock=FakeClock(), metrics=Metrics(registry))
    registry.register(StatusCollector(detector.status))
    registry.register(FeedbackCollector(detector.feedback))
    return frozenset(family.name + suffix for family in registry.collect() for suffix in SUFFIXES[family.type])


@pytest.mark.parametrize("name", catalogue.DETECTOR_SELF)
def test_the_detector_exposes_it(name: str) -> None:
    assert name in exposed_by_the_detector()


@pytest.mark.parametrize(
    ("module", "names"),
    [
        *((f"snmp/modules/{file}.yml", names) for file, names in MODULES.items()),
        ("modbus/modules/eastron_sdm630.yml", catalogue.METER),
    ],
)
def test_module_yields_it(module: str, names: tuple[str, ...]) -> None:
    text = (ROOT / "exporters" / module).read_text()
    assert set(names) <= set(re.findall(r"name: (\w+)", text))
