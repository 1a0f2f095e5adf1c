"""What the catalogue lists is really emitted: the names stand in the sources of the part that emits them."""

import re
from pathlib import Path

import pytest

from grafana.dashboards_src import catalogue

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
    # prometheus_client adds _total to counters
    spellings = {name, name.removesuffix("_total"), name.removeprefix(prefix)}
    assert any(f'"{spelling}"' in sources(package) for spelling in spellings)


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("snmp/modules/system.yml", catalogue.SYSTEM_MIB),
        ("snmp/modules/if_mib.yml", catalogue.IF_MIB),
        ("snmp/modules/ups_mib.yml", catalogue.UPS_MIB),
        ("modbus/modules/eastron_sdm630.yml", catalogue.METER),
    ],
)
def test_module_yields_it(module: str, names: tuple[str, ...]) -> None:
    text = (ROOT / "exporters" / module).read_text()
    assert set(names) <= set(re.findall(r"name: (\w+)", text))
