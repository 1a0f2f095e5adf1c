"""`heronwatch exporter serve` as a real process on simulated devices, one process and two workers."""

import asyncio
import contextlib
import gzip
import json
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from exporters.probing.collector import SimulatedDevice
from exporters.probing.registry import COLLECTORS
from tests.fakes.exporter import ExporterProcess, exporter, run, until
from tests.fakes.tries import tried_async

CONFIG = """
version: 1
pacing: {{spread: 0s, backoff_first: 200ms, backoff_max: 200ms}}
devices:
  - {{name: switch, address: "127.0.0.1:{snmp}", modules: [system], labels: {{site: A}}, interval: 15s}}
  - {{name: meter, address: "127.0.0.1:{modbus}", module: eastron_sdm630, labels: {{site: B}}}}
{more}
"""


@asynccontextmanager
async def simulated(protocol: str) -> AsyncIterator[SimulatedDevice]:
    contract = COLLECTORS.get(protocol).contract
    assert contract is not None
    async with contract().device() as device:
        yield device


class Plant:
    """A switch and a meter, and the configuration file that lists them."""

    def __init__(self, switch: SimulatedDevice, meter: SimulatedDevice, path: Path) -> None:
        self.switch = switch
        self.meter = meter
        self.path = path
        self.write()

    def write(self, more: str = "") -> None:
        text = CONFIG.format(snmp=self.switch.target.port, modbus=self.meter.target.port, more=more)
        self.path.write_text(text)

    @property
    def arguments(self) -> str:
        return f"--config.file={self.path}"


@pytest.fixture
async def plant(tmp_path: Path) -> AsyncIterator[Plant]:
    async with simulated("snmp") as switch, simulated("modbus") as meter:
        yield Plant(switch, meter, tmp_path / "exporters.yml")


@pytest.fixture
async def served(plant: Plant, tmp_path: Path) -> AsyncIterator[ExporterProcess]:
    async with exporter(tmp_path, plant.arguments) as server:
        yield server


@pytest.fixture
async def crew(plant: Plant, tmp_path: Path) -> AsyncIterator[ExporterProcess]:
    async with exporter(tmp_path, plant.arguments, "--workers=2") as server:
        await until(lambda: len(server.workers()) == 2, "two workers")
        yield server


async def test_scrapes_of_every_protocol(served: ExporterProcess) -> None:
    for target in ("switch", "meter"):
        status, body = await served.get(f"/probe?target={target}")
        assert status == 200
        assert "\nprobe_success 1\n" in body
    status, body = await served.get("/snmp?target=switch&module=if_mib")
    assert status == 200
    assert 'ifHCInOctets{ifAlias="",ifDescr="port 1",ifIndex="1",ifName="1/1"} 12345678901' in body


async def test_scrape_is_compressed_on_request(served: ExporterProcess) -> None:
    async with aiohttp.ClientSession(auto_decompress=False) as http:
        url = f"{served.url}/probe?target=meter"
        async with http.get(url, headers={"Accept-Encoding": "gzip"}) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            assert b"probe_success 1" in gzip.decompress(await answer.read())


async def test_sd_lists_devices_for_this_host(served: ExporterProcess) -> None:
    status, body = await served.get("/sd?job=snmp")
    assert status == 200
    (group,) = json.loads(body)
    assert group["targets"] == [f"127.0.0.1:{served.port}"]
    assert group["labels"]["instance"] == "switch"


async def test_common_pages(served: ExporterProcess) -> None:
    assert (await served.get("/-/healthy"))[0] == 200
    assert "Probe a device" in (await served.get("/"))[1]
    assert "meter" in (await served.get("/config"))[1]
    assert (await served.metrics())["heronwatch_exporter_devices"] == 2


async def test_scrape_ends_within_prometheus_time(plant: Plant, tmp_path: Path) -> None:
    async with _silence() as port:
        plant.write(f'  - {{name: dark, address: "127.0.0.1:{port}", module: eastron_sdm630}}')
        async with exporter(tmp_path, plant.arguments) as server:

            async def scrape() -> tuple[float, int, str]:
                started = time.monotonic()
                headers = {"X-Prometheus-Scrape-Timeout-Seconds": "1.5"}
                status, body = await server.get("/probe?target=dark", headers=headers)
                return time.monotonic() - started, status, body

            seconds, status, body = await tried_async(scrape, lambda found: found[0] < 1.5)
            assert seconds < 1.5
            assert status == 200
            assert "\nprobe_success 0\n" in body
            assert 'reason="timeout"' in body


@asynccontextmanager
async def _silence() -> AsyncIterator[int]:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def test_bad_file_leaves_the_old_configuration_serving(served: ExporterProcess, plant: Plant) -> None:
    good = plant.path.read_text()
    plant.path.write_text(good.replace("eastron_sdm630", "eastron_sdm63"))
    status, body = await served.post("/-/reload")
    assert status >= 400
    assert "'eastron_sdm63' is not a module (did you mean 'eastron_sdm630'?)" in body
    assert "\nprobe_success 1\n" in (await served.get("/probe?target=meter"))[1]
    assert (await served.metrics())["heronwatch_config_last_reload_successful"] == 0


async def test_sighup_reloads(served: ExporterProcess, plant: Plant) -> None:
    plant.write('  - {name: another, address: "127.0.0.1:1", module: system}')
    served.process.send_signal(signal.SIGHUP)

    async def reloaded() -> bool:
        return (await served.metrics())["heronwatch_exporter_devices"] == 3

    await until(reloaded, "the third device")


async def test_reload_keeps_the_session_of_a_device_that_did_not_change(served: ExporterProcess, plant: Plant) -> None:
    await served.get("/probe?target=meter")
    plant.write('  - {name: another, address: "127.0.0.1:1", module: system}')
    assert (await served.post("/-/reload"))[0] == 200
    assert plant.meter.sessions() == 1


async def test_pause_command_stops_polling_and_closes_the_session(served: ExporterProcess, plant: Plant) -> None:
    await served.get("/probe?target=meter")
    assert plant.meter.sessions() == 1
    assert await run("pause", "meter", "--url", served.url) == (0, "paused now: meter\n", "")
    await until(lambda: plant.meter.sessions() == 0, "the session to be closed")
    asked = len(plant.meter.operations())
    assert 'reason="paused"' in (await served.get("/probe?target=meter"))[1]
    assert len(plant.meter.operations()) == asked
    assert (await served.metrics())["heronwatch_exporter_paused_targets"] == 1
    assert await run("resume", "meter", "--url", served.url) == (0, "paused now: nothing\n", "")
    assert "\nprobe_success 1\n" in (await served.get("/probe?target=meter"))[1]


async def test_pause_of_what_is_not_there_says_so(served: ExporterProcess) -> None:
    status, _, err = await run("pause", "metre", "--url", served.url)
    assert (status, err) == (
        1,
        "refused (400): 'metre' is neither a device nor an address (did you mean 'meter'?)\n",
    )


async def test_pause_by_another_sites_page_is_refused(served: ExporterProcess) -> None:
    async with aiohttp.ClientSession() as http:
        url = f"{served.url}/api/v1/pause?target=meter"
        async with http.post(url, headers={"Sec-Fetch-Site": "cross-site"}) as answer:
            assert answer.status == 403
    assert json.loads((await served.get("/api/v1/pauses"))[1]) == {"paused": []}


async def test_only_permitted_operations_reached_the_devices(served: ExporterProcess, plant: Plant) -> None:
    for target in ("switch", "meter"):
        await served.get(f"/probe?target={target}")
    assert plant.switch.operations()
    assert plant.meter.operations()
    assert [*plant.switch.forbidden(), *plant.meter.forbidden()] == []


async def test_faulty_configuration_does_not_start(plant: Plant) -> None:
    plant.path.write_text(plant.path.read_text().replace("module:", "modul:"))
    for workers in ("1", "2"):
        status, _, err = await run("serve", plant.arguments, f"--workers={workers}")
        assert status == 1
        assert "exporters.yml:6: devices[1].modul: unknown key (did you mean 'module'?)" in err


async def test_listening_beyond_loopback_needs_a_reason(plant: Plant) -> None:
    for workers in ("1", "2"):
        listen = "--web.listen-address=0.0.0.0:0"
        status, _, err = await run("serve", plant.arguments, listen, f"--workers={workers}")
        assert status == 1
        assert "--web.insecure" in err


# -- two workers ----------------------------------------------------------------------------------------------------


async def _scrape(server: ExporterProcess, target: str) -> bool:
    status, body = await server.get(f"/probe?target={target}")
    return status == 200 and "\nprobe_success 1\n" in body


async def test_device_never_sees_two_sessions_because_there_are_two_workers(
    crew: ExporterProcess, plant: Plant
) -> None:
    for _ in range(5):
        async with asyncio.TaskGroup() as group:
            done = [group.create_task(_scrape(crew, name)) for name in ("switch", "meter") for _ in range(8)]
        assert all(task.result() for task in done)
        assert (plant.switch.sessions(), plant.meter.sessions()) == (1, 1)
    metrics = await crew.metrics()
    asked = metrics['heronwatch_exporter_scrapes_total{module="system"}']
    assert asked + metrics["heronwatch_exporter_shared_scrapes_total"] >= 40
    assert metrics["heronwatch_exporter_workers"] == 2


async def test_whichever_worker_is_asked_the_answer_is_packed_once(crew: ExporterProcess) -> None:
    """Large answers cross between workers packed."""
    for _ in range(12):  # each on a connection of its own, which either worker may take
        async with aiohttp.ClientSession(auto_decompress=False) as http:
            url = f"{crew.url}/snmp?target=switch&module=if_mib"
            async with http.get(url, headers={"Accept-Encoding": "gzip"}) as answer:
                assert (answer.status, answer.headers["Content-Encoding"]) == (200, "gzip")
                assert answer.headers["Vary"] == "Accept-Encoding"
                assert b"\nifHCInOctets{" in gzip.decompress(await answer.read())


async def test_pause_and_reload_reach_both_workers(crew: ExporterProcess, plant: Plant) -> None:
    assert (await run("pause", "meter", "--url", crew.url))[0] == 0
    assert {(await crew.get("/api/v1/pauses"))[1] for _ in range(20)} == {'{"paused":["meter"]}'}
    assert not any([await _scrape(crew, "meter") for _ in range(10)])
    plant.write('  - {name: another, address: "127.0.0.1:1", module: system}')
    assert (await crew.post("/-/reload"))[0] == 200
    assert {len(json.loads((await crew.get("/sd"))[1])) for _ in range(20)} == {3}


async def test_bad_file_changes_no_worker(crew: ExporterProcess, plant: Plant) -> None:
    before = {(await crew.get("/config"))[1] for _ in range(10)}
    plant.path.write_text(plant.path.read_text().replace("eastron", "eastern"))
    status, body = await crew.post("/-/reload")
    assert status >= 400
    assert "did you mean" in body
    assert {(await crew.get("/config"))[1] for _ in range(10)} == before
    assert (await crew.metrics())["heronwatch_config_last_reload_successful"] == 0
    plant.write()
    assert (await crew.post("/-/reload"))[0] == 200
    for _ in range(5):
        assert (await crew.metrics())["heronwatch_config_last_reload_successful"] == 1


RESTARTS = "heronwatch_exporter_worker_restarts_total"


PATIENCE = {"X-Prometheus-Scrape-Timeout-Seconds": "60"}


class Watch:
    """Scrapes and reads /metrics without a break, and holds every counter to what it was before."""

    def __init__(self, server: ExporterProcess) -> None:
        self.seen: dict[str, float] = {}
        self.statuses: set[int] = set()
        self.slowest_s = 0.0
        self._server = server

    async def scrape(self) -> None:
        while True:
            for target in ("switch", "meter"):
                started = time.monotonic()
                with contextlib.suppress(aiohttp.ClientError):  # the killed worker had taken this connection
                    self.statuses.add((await self._server.get(f"/probe?target={target}", headers=PATIENCE))[0])
                    self.slowest_s = max(self.slowest_s, time.monotonic() - started)

    async def count(self) -> None:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                self._compare(await self._server.metrics())

    def _compare(self, now: dict[str, float]) -> None:
        counters = {series: value for series, value in now.items() if _is_counter(series)}
        assert {
            series: (self.seen[series], counters.get(series))
            for series in self.seen
            if counters.get(series, -1.0) < self.seen[series]
        } == {}
        self.seen.update(counters)

    def restarts(self) -> float:
        return self.seen.get(RESTARTS, 0.0)


def _is_counter(series: str) -> bool:
    return series.partition("{")[0].endswith(("_total", "_bucket", "_count", "_sum"))


async def _kill_one(server: ExporterProcess, watch: Watch) -> None:
    before = watch.restarts()
    os.kill(server.workers()[0], signal.SIGKILL)
    await until(lambda: watch.restarts() > before, "the restart to be counted")
    await until(lambda: len(server.workers()) == 2, "the worker to be back")


async def test_killed_worker_costs_a_moment_and_no_counter_goes_back(crew: ExporterProcess, plant: Plant) -> None:
    watch = Watch(crew)
    async with asyncio.TaskGroup() as group:
        background = [group.create_task(watch.scrape()), group.create_task(watch.count())]
        await until(lambda: 'heronwatch_exporter_scrapes_total{module="system"}' in watch.seen, "the first counters")
        for _ in range(4):
            await _kill_one(crew, watch)
        for task in background:
            task.cancel()
    assert watch.statuses <= {200, 503}
    assert watch.slowest_s < 30.0, "nobody waited for the dead one"
    assert watch.restarts() == 4

    async def both_answer() -> bool:
        return await _scrape(crew, "switch") and await _scrape(crew, "meter")

    await until(both_answer, "both devices to be read again")
    assert plant.meter.sessions() == 1


async def test_pause_outlives_the_worker_that_kept_it(crew: ExporterProcess) -> None:
    assert (await run("pause", "meter", "--url", crew.url))[0] == 0
    old = set(crew.workers())
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    await until(lambda: len(set(crew.workers()) - old) == 2, "two new workers")

    async def answers() -> bool:
        try:
            return 'reason="paused"' in (await crew.get("/probe?target=meter"))[1]
        except aiohttp.ClientError:
            return False

    await until(answers, "the meter to be paused still")


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def test_restarted_worker_serves_what_the_others_serve(crew: ExporterProcess, plant: Plant) -> None:
    plant.write('  - {name: another, address: "127.0.0.1:1", module: system}')
    assert (await crew.post("/-/reload"))[0] == 200
    plant.path.write_text("in the middle: [of an edit")
    old = set(crew.workers())
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    await until(lambda: len(set(crew.workers()) - old) == 2, "two new workers")

    async def ready() -> bool:
        try:
            return (await crew.get("/-/ready"))[0] == 200
        except aiohttp.ClientError:
            return False

    await until(ready, "both to serve")
    assert {len(json.loads((await crew.get("/sd"))[1])) for _ in range(20)} == {3}


async def test_a_service_whose_folder_is_taken_away_says_so_and_ends(
    plant: Plant, tmp_path: Path, private: Path
) -> None:
    async with exporter(tmp_path, plant.arguments, "--workers=2") as server:
        await until(lambda: len(server.workers()) == 2, "two workers")
        _take_away(private)
        os.kill(server.workers()[0], signal.SIGKILL)
        assert await server.process.wait() == 1
        assert "the private folder is gone" in server.log()
        assert "Traceback" not in server.log()


def _take_away(private: Path) -> None:
    for folder in private.glob("heronwatch-*"):
        shutil.rmtree(folder)


async def test_workers_end_with_their_supervisor(plant: Plant, tmp_path: Path, private: Path) -> None:
    async with exporter(tmp_path, plant.arguments, "--workers=2") as server:
        workers = server.workers()
        server.process.kill()
        await until(lambda: not any(map(alive, workers)), "the workers to end")
    assert modes(private) == {}


@pytest.fixture
def private(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files with a path short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="hw") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)


def modes(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mode & 0o777 for path in folder.iterdir()}


async def test_nothing_is_left_behind(plant: Plant, tmp_path: Path, private: Path) -> None:
    async with exporter(tmp_path, plant.arguments, "--workers=2") as server:
        (folder,) = modes(private)
        assert modes(private) == {folder: 0o700}
        sockets = {mode for path, mode in modes(folder).items() if path.suffix == ".sock"}
        assert sockets == {0o600}
        workers = server.workers()
    assert modes(private) == {}
    assert not any(map(alive, workers))


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_service_manager_is_told(
    plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(str(tmp_path / "notify"))
        notified.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        loop = asyncio.get_running_loop()
        async with exporter(tmp_path, plant.arguments, f"--workers={workers}") as server, asyncio.timeout(20):
            assert await loop.sock_recv(notified, 100) == b"READY=1"
            server.process.send_signal(signal.SIGHUP)
            assert (await loop.sock_recv(notified, 100)).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
            assert await loop.sock_recv(notified, 100) == b"READY=1"
        assert await loop.sock_recv(notified, 100) == b"STOPPING=1"
