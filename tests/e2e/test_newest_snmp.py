"""One snmp.yml, one URL: what the newest snmp_exporter answers, `heronwatch exporter serve` answers too."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.exporters.snmp.test_parity import device, recorded, samples
from tests.fakes.daemons import Daemon, snmp_exporter
from tests.fakes.exporter import ExporterProcess, exporter
from tests.fakes.newest import FETCH_LIMIT_S, SNMP_EXPORTER, newest

pytestmark = [pytest.mark.newest, pytest.mark.timeout(FETCH_LIMIT_S)]
EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "snmp.yml"
DEVICES = ["network/switch/cisco-c3560", "network/router/juniper-mx960-12-3r6-6", "os/linux/unknown-003"]


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[tuple[ExporterProcess, Daemon]]:
    with newest(SNMP_EXPORTER, snmp_exporter(tmp_path, EXAMPLE.read_text())) as theirs:
        async with exporter(tmp_path, f"--snmp.config-file={EXAMPLE}") as ours:
            yield ours, theirs


@pytest.mark.parametrize("name", DEVICES)
async def test_the_same_file_and_url_give_the_same_samples(both: tuple[ExporterProcess, Daemon], name: str) -> None:
    ours, theirs = both
    async with device(recorded(name)) as port:
        path = f"/snmp?target=127.0.0.1:{port}&module=if_mib&auth=public_v2"
        status, body = await ours.get(path)
        expected = await asyncio.to_thread(fetch, f"{theirs.url}{path}")
    assert status == 200
    assert samples(body) == samples(expected)
    assert len(samples(body)) > 5
    assert costs(body) == costs(expected)


def fetch(url: str) -> str:
    with urlopen(url, timeout=30) as answer:
        return answer.read().decode()


def costs(body: str) -> set[str]:
    """Names and labels of what a scrape tells about itself."""
    return {line.rpartition(" ")[0] for line in body.splitlines() if line.startswith("snmp_scrape_")}
