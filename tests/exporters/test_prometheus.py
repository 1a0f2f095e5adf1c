"""A real Prometheus finds the devices by `/sd` without relabelling, and what we expose about ourselves lints clean."""

import subprocess
from pathlib import Path

import aiohttp
import pytest

from exporters.probing.registry import COLLECTORS
from tests.fakes.daemons import find_binary, prometheus
from tests.fakes.exporter import exporter, until

SCRAPE = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: heronwatch
    http_sd_configs: [{{url: "{url}/sd", refresh_interval: 1s}}]
"""


async def test_prometheus_needs_nothing_but_the_sd_url(tmp_path: Path) -> None:
    contract = COLLECTORS.get("modbus").contract
    assert contract is not None
    config = tmp_path / "exporters.yml"
    async with contract().device() as device:
        address = f"127.0.0.1:{device.target.port}"
        config.write_text(
            "version: 1\npacing: {spread: 0s}\ndevices:\n"
            f'- {{name: meter, address: "{address}", module: eastron_sdm630, labels: {{site: A}}, interval: 1s}}\n'
        )
        async with exporter(tmp_path, f"--config.file={config}") as server:
            with prometheus(tmp_path, SCRAPE.format(url=server.url)) as daemon:
                async with aiohttp.ClientSession() as http:

                    async def found() -> list[dict[str, str]]:
                        url = f"{daemon.url}/api/v1/query"
                        async with http.get(url, params={"query": "probe_success == 1"}) as answer:
                            result = (await answer.json())["data"]["result"]
                            return [series["metric"] for series in result]

                    await until(found, "Prometheus to have scraped the meter", timeout_s=30)
                    (labels,) = await found()
    del labels["__name__"]
    assert labels == {"instance": "meter", "job": "modbus", "site": "A"}


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_own_metrics_lint_clean(tmp_path: Path, workers: str) -> None:
    promtool = find_binary("promtool", "prometheus")
    async with exporter(tmp_path, f"--workers={workers}") as server:
        _, body = await server.get("/metrics")
    assert _lint(promtool, body) == (0, "")


def _lint(promtool: str, body: str) -> tuple[int, str]:
    done = subprocess.run([promtool, "check", "metrics"], input=body, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr
