"""From a request to its answer without a web server: parameters, guards, formats, reload."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from exporters.loading import Setup, Sources, load_setup
from exporters.metric.samples import Fault, ModuleStats, Reading
from exporters.probing.collector import CollectorContext
from exporters.probing.process import Process
from exporters.probing.team import Ask
from exporters.snapshot import FILES, Snapshot
from heronwatch.clock import SystemClock
from heronwatch.errors import ConfigError
from heronwatch.http_message import Response
from heronwatch.telemetry import Telemetry
from tests.fakes.toy import VALUE, ToyCollector, fails, original_plugin, toy_plugin

CONFIG = """
version: 1
pacing: {spread: 0s}
credentials:
  ops: {protocol: original, networks: [10.0.0.0/8, 198.51.100.0/24], password: {env: TOY_PASSWORD}}
  lab: {protocol: original, password: {env: TOY_PASSWORD}}
modules:
  shared: {protocol: toy, value: 3}
allowed_targets: [127.0.0.8/32]
devices:
  - {name: meter, address: "10.0.0.9:502", unit: 7, module: plain}
  - {name: sw1, address: 10.0.0.1, modules: [if_mib, system], credential: ops}
  - {name: sw1, address: 10.0.0.1, module: plain}
  - {name: far, address: 203.0.113.1, module: if_mib}
  - {name: bench, address: 203.0.113.9, module: if_mib, credential: lab}
"""


class Bench:
    """A process with two toy protocols, without a web server."""

    def __init__(self, tmp_path: Path) -> None:
        self.path = tmp_path / "exporters.yml"
        self.path.write_text(CONFIG)
        self.toy, self.original = ToyCollector(), ToyCollector()
        self.plugins = [toy_plugin(self.toy), original_plugin(self.original)]
        self.telemetry = Telemetry("exporter", "test")
        context = CollectorContext(registry=self.telemetry.registry)
        self.process = Process(self.load(None), self.load, self.telemetry, SystemClock(), context)

    def load(self, previous: Setup | None, snapshot: Snapshot = FILES) -> Setup:
        return load_setup(Sources(config_files=(str(self.path),)), self.plugins, previous, snapshot)

    async def get(self, url: str, *, budget_s: float = 5.0) -> Response:
        path, _, query = url.partition("?")
        return await self.process.answer(Ask(path=path, query_string=query, budget_s=budget_s))

    def counted(self, name: str, **labels: str) -> float:
        return self.telemetry.registry.get_sample_value(name, labels) or 0.0


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setenv("TOY_PASSWORD", "hunter2")
    made = Bench(tmp_path)
    async with made.process:
        yield made


def lines(response: Response) -> list[str]:
    return [line for line in response.body.decode().splitlines() if not line.startswith("#")]


async def test_probe_by_name_uses_what_the_device_says(bench: Bench) -> None:
    response = await bench.get("/probe?target=meter")
    assert response.status == 200
    assert 'toy_value{module="plain"} 1.0' in lines(response)
    assert "probe_success 1" in lines(response)
    asked = bench.toy.asked[0]
    assert (asked.name, asked.address, asked.port, asked.params) == ("meter", "10.0.0.9", 502, {"unit": "7"})


async def test_url_parameter_wins_over_the_device(bench: Bench) -> None:
    await bench.get("/probe?target=meter&unit=9&module=plain,other&module=shared")
    assert bench.toy.asked[0].params == {"unit": "9"}


async def test_credential_of_the_device_is_sent_to_it(bench: Bench) -> None:
    await bench.get("/probe?target=sw1&module=if_mib")
    credential = bench.original.asked[0].credential
    assert credential is not None
    assert credential.name == "ops"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("/probe?module=plain", "parameter 'target' must be given once"),
        ("/probe?target=a&target=b", "parameter 'target' must be given once"),
        ("/probe?target=metre", "'metre' is no device (did you mean 'meter'?); an address needs 'module'"),
        ("/probe?target=10.0.0.9:502", "'10.0.0.9:502' is no device"),
        ("/probe?target=meter&module=plane", "'plane' is not a module (did you mean 'plain'?)"),
        ("/probe?target=sw1&module=plain,if_mib", "'if_mib' is a module of original; the modules of one scrape are"),
        ("/probe?target=sw1", "'sw1' is read by several protocols: give 'module' or 'protocol'"),
        ("/probe?target=meter&module=if_mib", "device 'meter' is not read by 'original'"),
        ("/probe?target=meter&protocol=tyo", "'tyo' is not a protocol (did you mean 'toy'?)"),
        ("/probe?target=meter&unit=700", "parameter 'unit': '700' is not valid here"),
        ("/probe?target=meter&untis=7", "'untis' is not a parameter (did you mean 'unit'?)"),
        ("/probe?target=10.0.0.256&module=plain", "is no host name and no IP address"),
        ("/probe?target=2130706433&module=plain", "is no host name and no IP address"),
        ("/probe?target=0177.0.0.1&module=plain", "is no host name and no IP address"),
        ("/probe?target=10.0.0.9:0&module=plain", "is not the address of a device"),
        ("/original?target=10.0.0.1&module=nope", "'nope' is not a module"),
        ("/original?target=10.0.0.1&auth=nope", "'nope' is not a credential"),
        ("/original", "parameter 'target' must be given once"),
    ],
)
async def test_wrong_parameters_are_400_with_the_remedy(bench: Bench, url: str, reason: str) -> None:
    response = await bench.get(url)
    assert response.status == 400
    assert reason in response.body.decode()
    assert bench.toy.asked == bench.original.asked == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("/probe?target=10.9.9.9&module=plain", "10.9.9.9 is neither a listed device nor in an allowed network"),
        ("/probe?target=127.0.0.1&module=plain", "127.0.0.1 is neither a listed device nor in an allowed network"),
        ("/probe?target=0x7f000001&module=plain", "127.0.0.1 is neither a listed device"),
        ("/probe?target=192.0.2.1&module=if_mib", "no credential is bound to a network that holds it"),
        ("/probe?target=meter&credential=ops", "cannot be chosen by URL"),
        ("/original?target=8.8.8.8", "8.8.8.8 is neither private, nor a listed device"),
        ("/original?target=0x08080808", "8.8.8.8 is neither private, nor a listed device"),
        ("/original?target=[::ffff:8.8.8.8]:161", "is neither private, nor a listed device"),
        ("/original?target=192.168.0.1&auth=ops", "credential 'ops' is bound to the devices that name it and its"),
        ("/original?target=10.0.0.1&auth=lab", "credential 'lab' is bound to the devices that name it; it is not"),
        ("/original?target=0.0.0.0", "is no address of a device"),
    ],
)
async def test_guard_answers_403_with_its_reason(bench: Bench, url: str, reason: str) -> None:
    response = await bench.get(url)
    assert response.status == 403, response.body
    assert reason in response.body.decode()
    assert bench.toy.asked == bench.original.asked == []
    assert bench.counted("heronwatch_exporter_refused_requests_total", route=url.partition("?")[0]) == 1


@pytest.mark.parametrize(
    ("url", "credential"),
    [
        ("/probe?target=10.9.9.9&module=if_mib", "ops"),
        ("/original?target=10.9.9.9", "public_v2"),
        ("/original?target=10.9.9.9&auth=ops", "ops"),
        ("/original?target=udp://203.0.113.1:1161&auth=ops_v3", "ops_v3"),
        ("/original?target=[::1]:161", "public_v2"),
        ("/original?target=bench", "lab"),
        ("/original?target=203.0.113.9&auth=lab", "lab"),
    ],
)
async def test_allowed_requests_reach_the_device_with_their_credential(bench: Bench, url: str, credential: str) -> None:
    assert (await bench.get(url)).status == 200
    used = bench.original.asked[0].credential
    assert used is not None
    assert used.name == credential


async def test_allowed_target_needs_no_listing(bench: Bench) -> None:
    assert (await bench.get("/probe?target=127.0.0.8&module=plain")).status == 200


async def test_address_of_a_listed_device_is_that_device(bench: Bench) -> None:
    await bench.get("/probe?target=10.0.0.9:502&module=plain")
    assert bench.toy.asked[0].name == "meter"


async def test_names_are_resolved_and_the_very_address_is_used(bench: Bench) -> None:
    await bench.get("/original?target=localhost")
    assert bench.original.asked[0].address in {"127.0.0.1", "::1"}
    assert bench.original.asked[0].host == "localhost"


async def test_name_that_does_not_resolve_is_the_devices_fault(bench: Bench) -> None:
    response = await bench.get("/original?target=nowhere.invalid")
    assert response.status == 500
    assert response.body.decode().startswith("module if_mib: unreachable: the name 'nowhere.invalid'")


async def test_own_route_has_the_originals_defaults(bench: Bench) -> None:
    response = await bench.get("/original?target=10.0.0.1&original_context=blue")
    assert (response.status, response.content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert lines(response) == ['toy_value{module="if_mib"} 1.0']
    assert bench.original.asked[0].params == {"context": "blue"}


async def test_own_route_takes_modules_repeated_and_by_comma(bench: Bench) -> None:
    response = await bench.get("/original?target=10.0.0.1&module=if_mib,system&module=if_mib")
    assert lines(response) == ['toy_value{module="if_mib"} 1.0', 'toy_value{module="system"} 1.0']


async def test_fault_is_500_with_its_reason_on_the_own_route(bench: Bench) -> None:
    bench.original.behaviour = fails("timeout", "no answer from 10.0.0.1:161")
    response = await bench.get("/original?target=10.0.0.1")
    assert (response.status, response.body) == (500, b"module if_mib: timeout: no answer from 10.0.0.1:161\n")


async def test_fault_is_probe_success_0_on_probe(bench: Bench) -> None:
    bench.toy.behaviour = fails("unreachable", "refused\n# TYPE evil counter")
    response = await bench.get("/probe?target=meter")
    assert response.status == 200
    assert "probe_success 0" in lines(response)
    assert 'probe_failure_info{module="plain",reason="unreachable"} 1' in lines(response)
    assert b"\n# fault: module plain: unreachable: refused # TYPE evil counter\n" in response.body


async def test_duplicate_costs_itself_and_a_counter(bench: Bench) -> None:
    bench.original.behaviour = lambda *_: Reading([(VALUE, "", 1), (VALUE, "", 2)])
    assert lines(await bench.get("/original?target=10.0.0.1")) == ["toy_value 1"]
    assert bench.counted("heronwatch_exporter_duplicate_samples_total") == 1


async def test_duplicate_is_500_where_strict(bench: Bench) -> None:
    bench.path.write_text(CONFIG + "original: {strict: true}\n")
    await bench.process.reload()
    bench.original.behaviour = lambda *_: Reading([(VALUE, "", 1), (VALUE, "", 2)])
    response = await bench.get("/original?target=10.0.0.1")
    assert (response.status, response.body) == (500, b"duplicate: series toy_value was collected twice\n")


async def test_partial_results_tell_each_module(bench: Bench) -> None:
    bench.path.write_text(CONFIG + "original: {partial_results: true}\n")
    await bench.process.reload()
    bench.original.behaviour = lambda *_: Reading(
        [(VALUE, "", 1)], (Fault("system", "timeout", "late"),), {"if_mib": ModuleStats(success=True)}
    )
    response = await bench.get("/original?target=10.0.0.1&module=if_mib,system")
    assert response.status == 200
    assert lines(response) == [
        'original_module_success{module="if_mib"} 1',
        'original_module_success{module="system"} 0',
        "probe_success 0",
        "toy_value 1",
    ]


async def test_any_target_is_the_originals_behaviour_with_a_metric(bench: Bench) -> None:
    assert bench.counted("heronwatch_exporter_any_target_allowed", protocol="original") == 0
    bench.path.write_text(CONFIG + "original: {allow_any_target: true}\n")
    await bench.process.reload()
    assert (await bench.get("/original?target=8.8.8.8")).status == 200
    assert (await bench.get("/original?target=192.168.0.1&auth=ops")).status == 403
    assert bench.counted("heronwatch_exporter_any_target_allowed", protocol="original") == 1


async def test_bad_file_leaves_the_old_configuration_serving(bench: Bench) -> None:
    bench.path.write_text("version: 1\nmodules: {m: {protocol: tyo}}\n")
    with pytest.raises(ConfigError, match="did you mean 'toy'"):
        await bench.process.reload()
    assert (await bench.get("/probe?target=meter")).status == 200
    assert bench.counted("heronwatch_config_last_reload_successful") == 0


async def test_reload_keeps_sessions_of_devices_that_did_not_change(bench: Bench) -> None:
    await bench.get("/probe?target=meter")
    await bench.get("/probe?target=sw1&module=if_mib")
    bench.path.write_text(CONFIG.replace("unit: 7", "unit: 8"))
    await bench.process.reload()
    assert (bench.toy.released, bench.original.released) == (["meter"], [])


async def test_two_scrapers_at_once_cost_one_scrape(bench: Bench) -> None:
    bench.path.write_text(CONFIG.replace("value: 3", "value: 3, delay_s: 0.05"))
    await bench.process.reload()
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(bench.get("/probe?target=meter&module=shared")) for _ in range(2)]
    assert asked[0].result().body == asked[1].result().body
    assert len(bench.toy.asked) == 1


async def test_collectors_are_closed_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_PASSWORD", "hunter2")
    bench = Bench(tmp_path)
    async with bench.process:
        pass
    assert (bench.toy.closed, bench.original.closed) == (True, True)
