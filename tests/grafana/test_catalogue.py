"""What the catalogue lists is really emitted: the names stand in the sources of the part that emits them."""

import re
from pathlib import Path

import pytest

from grafana.dashboards_src import catalogue
from grafana.dashboards_src.catalogue_modules import MODULES

ROOT = Path(__file__).parents[2]
# (package, names, prefix that the package may add by itself)
EMITTED = [
    ("exporters", catalogue.EXPORTER, "heronwatch_exporter_"),
    ("exporters", catalogue.SCRAPES, ""),
    ("anomaly_detector", catalogue.DETECTOR_SELF, "heronwatch_detector_"),
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
