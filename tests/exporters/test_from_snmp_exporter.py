"""docs/exporters/from-snmp-exporter.md: its commands run, and its table names every flag there is."""

import asyncio
import contextlib
import re
import shlex
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from benchmarks import newest
from benchmarks.snmp_scrape import old_form
from exporters.cli import COMMAND
from exporters.snmp.config.catalogue import SHIPPED
from exporters.snmp.simulator import recording
from exporters.snmp.simulator.agent import Agent
from exporters.snmp.simulator.command import Simulator
from tests.fakes.daemons import find_binary, free_port, snmp_exporter
from tests.fakes.exporter import command_line, until

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "exporters" / "from-snmp-exporter.md").read_text()
TARGETS = "192.0.2.1 if_mib,system\n192.0.2.2 if_mib ops_v3\n"
DEVICE = ROOT / "tests" / "golden" / "snmp" / "every_rule.snmprec"


def shell_lines() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def flags_of(binary: str) -> set[str]:
    done = subprocess.run([binary, "--help"], capture_output=True, text=True, check=True, timeout=50)
    return set(re.findall(r"^ {2,6}(?:-h, )?(--[a-z.-]+)", done.stdout + done.stderr, re.MULTILINE))


def our_flags() -> set[str]:
    parser = ArgumentParser()
    COMMAND.add_arguments(parser)
    (commands,) = [action for action in parser._actions if hasattr(action, "choices") and action.choices]
    assert isinstance(commands.choices, dict)
    return {flag for action in commands.choices["serve"]._actions for flag in action.option_strings}


def check_flags(binary: str) -> None:
    table = PAGE.partition("## Flags")[2].partition("\n## ")[0]
    theirs = flags_of(binary)
    assert len(theirs) > 8
    assert theirs - our_flags() == set()
    assert theirs - set(re.findall(r"`(--[a-z.-]+)`", table)) == set()


def test_every_flag_is_taken_and_in_the_table() -> None:
    check_flags(find_binary("prometheus-snmp-exporter", "prometheus-snmp-exporter"))


@pytest.mark.newest
@pytest.mark.timeout(900)
def test_every_flag_of_the_newest_is_taken_and_in_the_table() -> None:
    try:
        root = newest.unpacked("prometheus-snmp-exporter")
    except newest.NotAvailableError as error:
        pytest.skip(f"needs the newest prometheus-snmp-exporter: {error}")
    check_flags(str(root / "usr" / "bin" / "prometheus-snmp-exporter"))


def test_page_shows_the_targets_that_this_test_uses() -> None:
    assert f"```text\n{TARGETS}```" in PAGE


@contextlib.asynccontextmanager
async def devices(count: int) -> AsyncIterator[list[int]]:
    found = recording.load(DEVICE)
    simulators = [Simulator(Agent(found, started_at=1.0), now=lambda: 1.0) for _ in range(count)]
    try:
        yield [simulator.address[1] for simulator in simulators]
    finally:
        for simulator in simulators:
            simulator.close()


@pytest.mark.timeout(120)
async def test_commands_of_the_page_run(tmp_path: Path) -> None:
    modules = "\n".join(old_form((SHIPPED / f"{name}.yml").read_text()) for name in ("if_mib", "system"))
    (tmp_path / "snmp.yml").write_text(modules)
    (tmp_path / "quick.yml").write_text("version: 1\npacing: {spread: 0s}\n")  # a test need not wait for its slot
    ours = free_port()
    with snmp_exporter(tmp_path, modules) as original:
        async with devices(1) as (port,):
            (tmp_path / "targets.txt").write_text(f"127.0.0.1:{port} if_mib,system\n")
            places = {"192.0.2.1": f"127.0.0.1:{port}", "127.0.0.1:9810": f"127.0.0.1:{ours}"}
            places["http://127.0.0.1:9116"] = original.url
            async with contextlib.AsyncExitStack() as running:
                for line in shell_lines():
                    for place, other in places.items():
                        line = line.replace(place, other)  # noqa: PLW2901  # one after the other
                    if " serve " in line and "--dry-run" not in line:
                        await running.enter_async_context(serving(f"{line} --config.file=quick.yml", ours, tmp_path))
                    else:
                        await good_end(line, tmp_path)
    assert "the same" in (tmp_path / "comparison.html").read_text()


def words_of(line: str) -> list[str]:
    words = shlex.split(line)
    return command_line(words[2:]) if words[0] == "heronwatch" else words


async def good_end(line: str, folder: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *words_of(line), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={"PYTHONPATH": str(ROOT)}
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, f"{line}\n{out.decode()[-1500:]}"
    assert out.strip(), line


@contextlib.asynccontextmanager
async def serving(line: str, port: int, folder: Path) -> AsyncIterator[None]:
    log = folder / "ours.log"
    with log.open("wb") as stream:
        process = await asyncio.create_subprocess_exec(
            *words_of(line), cwd=folder, stdout=stream, stderr=stream, env={"PYTHONPATH": str(ROOT)}
        )
    try:
        await until(lambda: f"address=127.0.0.1:{port}" in log.read_text(), f"{sys.executable} to serve")
        await until(lambda: _accepts(port), "the port")
        yield
    finally:
        process.terminate()
        await process.wait()


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
