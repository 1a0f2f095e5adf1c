"""`heronwatch exporter compare` beside Debian's snmp_exporter, at the same simulated devices."""

import argparse
import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import bcrypt
import pytest

from benchmarks.snmp_scrape import old_form
from exporters.cli import COMMAND
from exporters.snmp.config.catalogue import SHIPPED
from exporters.snmp.simulator import recording
from exporters.snmp.simulator.agent import Agent
from exporters.snmp.simulator.command import Simulator
from tests.fakes.certificates import Authority
from tests.fakes.daemons import Daemon, free_port, snmp_exporter
from tests.fakes.exporter import ExporterProcess, command_line, exporter, until

DEVICE = """\
1.3.6.1.2.1.1.3.0|67|1000
1.3.6.1.2.1.2.1.0|2|2
1.3.6.1.2.1.2.2.1.1.1|2|1
1.3.6.1.2.1.2.2.1.1.2|2|2
1.3.6.1.2.1.2.2.1.2.1|4|port 1
1.3.6.1.2.1.2.2.1.2.2|4|port 2
1.3.6.1.2.1.2.2.1.4.1|2|1500
1.3.6.1.2.1.2.2.1.10.1|65|1000
1.3.6.1.2.1.2.2.1.10.2|65|2000
1.3.6.1.2.1.31.1.1.1.1.1|4|1/1
1.3.6.1.2.1.31.1.1.1.1.2|4|1/2
1.3.6.1.2.1.31.1.1.1.6.1|70|12345678901
"""
IF_MIB = (SHIPPED / "if_mib.yml").read_text()


@contextlib.asynccontextmanager
async def device(tmp_path: Path) -> AsyncIterator[Simulator]:
    path = tmp_path / "device.snmprec"
    path.write_text(DEVICE)
    simulator = Simulator(Agent(recording.load(path), started_at=0.0))
    try:
        yield simulator
    finally:
        simulator.close()


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Daemon]:
    with snmp_exporter(tmp_path, old_form(IF_MIB)) as daemon:
        yield daemon


@contextlib.asynccontextmanager
async def ours(tmp_path: Path, config: str) -> AsyncIterator[ExporterProcess]:
    (tmp_path / "snmp.yml").write_text(config)
    (tmp_path / "exporters.yml").write_text("version: 1\npacing: {spread: 0s}\n")
    files = (f"--config.file={tmp_path / 'snmp.yml'}", f"--config.file={tmp_path / 'exporters.yml'}")
    async with exporter(tmp_path, *files) as server:
        yield server


async def compare(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run the command in a thread beside the device; a process of its own would cost a second each time."""
    status = await asyncio.to_thread(command, *arguments)
    return (status, *capsys.readouterr())


async def test_same_device_same_module_is_the_same(
    tmp_path: Path, peer: Daemon, capsys: pytest.CaptureFixture[str]
) -> None:
    async with device(tmp_path) as agent, ours(tmp_path, IF_MIB) as server:
        targets = tmp_path / "targets.txt"
        targets.write_text(f"127.0.0.1:{agent.address[1]} if_mib\n")
        sides = ("--old", peer.url, "--new", server.url, "--targets", str(targets))
        status, out, err = await compare(capsys, *sides)
        assert (status, "1 compared: 1 the same, 0 different, 0 failed" in out) == (0, True), out
        assert f"[1/1] 127.0.0.1:{agent.address[1]} if_mib: same (" in err


async def test_every_kind_of_difference_is_found_and_reported(
    tmp_path: Path, peer: Daemon, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = IF_MIB.replace("name: ifMtu", "name: ifMtuBytes").replace(
        "name: ifInOctets\n        oid: 1.3.6.1.2.1.2.2.1.10\n        type: counter",
        "name: ifInOctets\n        oid: 1.3.6.1.2.1.2.2.1.10\n        scale: 8\n        type: gauge",
    )
    assert changed.count("scale: 8") == 1
    async with device(tmp_path) as agent, ours(tmp_path, changed) as server:
        targets = tmp_path / "targets.json"
        targets.write_text(json.dumps([{"targets": [f"127.0.0.1:{agent.address[1]}"]}]))
        page = tmp_path / "report.html"
        sides = ("--old", peer.url, "--new", server.url, "--targets", str(targets), "--rounds=1")
        status, out, _ = await compare(capsys, *sides, "--json", f"--report={page}")
        (outcome,) = json.loads(out)["outcomes"]
        assert status == 1
        assert {(d["kind"], d["series"].partition("{")[0]) for d in outcome["differences"]} == {
            ("missing", "ifMtu"),
            ("extra", "ifMtuBytes"),
            ("type", "ifInOctets"),
            ("value", "ifInOctets"),
        }
        assert "ifMtuBytes" in page.read_text()
        status, out, _ = await compare(capsys, *sides, "--ignore=ifMtu.*", "--ignore=ifInOctets")
        assert (status, "no difference" in out) == (0, True)


async def test_one_side_that_fails_is_a_difference_and_two_are_none(
    tmp_path: Path, peer: Daemon, capsys: pytest.CaptureFixture[str]
) -> None:
    async with device(tmp_path) as agent, ours(tmp_path, IF_MIB) as server:
        only_ours = f"127.0.0.1:{agent.address[1]} system\n"
        both_fail = f"127.0.0.1:{free_port()} if_mib\n"
        targets = tmp_path / "targets.txt"
        targets.write_text(both_fail + only_ours)
        status, out, _ = await compare(capsys, f"--old={peer.url}", f"--new={server.url}", f"--targets={targets}")
        assert status == 1
        assert "2 compared: 0 the same, 1 different, 1 failed on both sides" in out
        assert "old: 400: Unknown module 'system'" in out
        assert "new: answers" in out


def command(*arguments: str) -> int:
    """Run it in this process."""
    parser = argparse.ArgumentParser()
    COMMAND.add_arguments(parser)
    return COMMAND.run(parser.parse_args(["compare", *arguments]))


def test_side_that_does_not_answer_is_status_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    targets = tmp_path / "targets.txt"
    targets.write_text("127.0.0.1 if_mib\n")
    nowhere = f"http://127.0.0.1:{free_port()}"
    assert command("--old", nowhere, "--new", nowhere, "--targets", str(targets)) == 3
    assert capsys.readouterr().err.startswith(f"heronwatch exporter compare: --old {nowhere} does not answer: ")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--old=http://127.0.0.1:1", "--targets=/nope"), "/nope: No such file or directory"),
        (("--old=http://127.0.0.1:1", "--targets=/dev/null"), "/dev/null: no target in it"),
    ],
)
def test_wrong_usage_is_status_2(arguments: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(*arguments) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("--report=x.pdf", "'x.pdf' ends neither in .html nor in .json"),
        ("--rounds=0", "'0' is no number of rounds (1 to 20)"),
        ("--ignore=(", "'(' is not a regular expression"),
        ("--timeout=soon", "'soon' is not a duration"),
    ],
)
def test_wrong_argument_is_told(argument: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        command("--old=http://127.0.0.1:1", "--targets=x", argument)
    assert caught.value.code == 2
    assert told in capsys.readouterr().err


async def test_users_and_certificates_are_those_of_the_web_config(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("server")
    hashed = bcrypt.hashpw(b"hunter2", bcrypt.gensalt(4)).decode()
    web = tmp_path / "web.yml"
    web.write_text(
        f"tls_server_config: {{cert_file: {certificate}, key_file: {key}}}\nbasic_auth_users: {{ana: {hashed}}}\n"
    )
    (tmp_path / "password").write_text("hunter2\n")
    (tmp_path / "targets.txt").write_text(f"127.0.0.1:{free_port()} if_mib\n")
    words = ("username=ana", f"password-file={tmp_path}/password", f"ca-file={authority.file}")
    login = [f"--{prefix}{word}" for prefix in ("", "old-") for word in words]
    async with https_exporter(tmp_path, web) as url:
        sides = (f"--old={url}", f"--new={url}", f"--targets={tmp_path}/targets.txt")
        status, out, err = await compare(capsys, *sides, *login)
        assert (status, "1 failed on both sides" in out) == (1, True), err
        status, _, err = await compare(capsys, *sides, *(a for a in login if "username" not in a))
        assert (status, "does not let us in (401)" in err) == (3, True), err


@contextlib.asynccontextmanager
async def https_exporter(tmp_path: Path, web: Path) -> AsyncIterator[str]:
    port, log = free_port(), tmp_path / "https.log"
    arguments = ["serve", f"--web.listen-address=127.0.0.1:{port}", f"--web.config.file={web}"]
    with log.open("wb") as stream:
        process = await asyncio.create_subprocess_exec(*command_line(arguments), stdout=stream, stderr=stream)
    try:
        await until(lambda: accepts(port), f"the server: {log}")
        yield f"https://localhost:{port}"
    finally:
        process.terminate()
        await process.wait()


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
