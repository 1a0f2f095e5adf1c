"""`heronwatch exporter probe` on simulated devices: what each module cost, what went over the wire, what to check."""

import contextlib
import json
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from exporters.metric.samples import Family, Reading
from exporters.options import ServeOptions
from exporters.probe_output import ModuleResult, as_json, as_table, as_text
from exporters.probe_run import Question, probe
from exporters.snmp import PLUGIN
from exporters.snmp.simulator.agent import Agent
from exporters.snmp.simulator.command import Simulator
from exporters.snmp.simulator.recording import parse
from tests.fakes import snmpd3

DEVICE = """\
1.3.6.1.2.1.1.1.0|4|a switch
1.3.6.1.2.1.1.3.0|67|1000
1.3.6.1.2.1.2.1.0|2|2
1.3.6.1.2.1.2.2.1.1.1|2|1
1.3.6.1.2.1.2.2.1.1.2|2|2
1.3.6.1.2.1.2.2.1.2.1|4|port 1
1.3.6.1.2.1.2.2.1.2.2|4|port 2
1.3.6.1.2.1.2.2.1.3.1|2|6
1.3.6.1.2.1.2.2.1.3.2|2|6
1.3.6.1.2.1.2.2.1.10.1|65|1000
1.3.6.1.2.1.2.2.1.10.2|65|2000
"""


@contextlib.asynccontextmanager
async def device() -> AsyncIterator[str]:
    simulator = Simulator(Agent(parse(DEVICE.splitlines()), started_at=0.0), now=lambda: 0.0)
    try:
        yield f"127.0.0.1:{simulator.address[1]}"
    finally:
        simulator.close()


@pytest.fixture
def silence() -> Iterator[str]:
    with socket.socket(type=socket.SOCK_DGRAM) as quiet:
        quiet.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{quiet.getsockname()[1]}"


async def test_each_module_tells_what_it_cost() -> None:
    async with device() as where:
        probed = await probe(ServeOptions(), Question(target=where, modules=("system", "if_mib")))
    system, if_mib = probed.modules
    assert (system.name, system.complete, system.series, system.rows) == ("system", True, 2 + 5, 1)
    assert (if_mib.name, if_mib.retries) == ("if_mib", 0)
    assert if_mib.rows == 2 + 1  # two interfaces, and ifNumber
    assert if_mib.packets > 0
    shown = as_table(probed)
    assert f"-- module if_mib: complete: {if_mib.packets} packet" in shown
    assert f"{if_mib.values} values, 3 rows, {if_mib.series} series, " in shown
    value = json.loads(as_json(probed))
    assert [module["name"] for module in value["modules"]] == ["system", "if_mib"]
    assert "trace" not in value
    assert "\n# module if_mib: complete: " in as_text(probed)


def test_rows_are_counted_by_labels_without_own_texts() -> None:
    plain, text, state = Family("a", "gauge", ""), Family("name", "gauge", ""), Family("kind_info", "gauge", "")
    samples = [
        (plain, '{i="1"}', 1),
        (plain, '{i="2"}', 1),
        (text, '{i="1",name="eth0"}', 1),
        (state, '{i="2",kind="up"}', 1),
        (Family("snmp_scrape_packets_sent", "gauge", ""), '{module="m"}', 1),
    ]
    assert ModuleResult.of("m", Reading(samples), 0.1, PLUGIN).rows == 2


async def test_trace_shows_packets_and_what_became_of_each_value() -> None:
    async with device() as where:
        probed = await probe(ServeOptions(), Question(target=where, modules=("if_mib",), trace=True))
    shown = as_table(probed)
    assert any(line.startswith("sent     Get") for line in probed.trace)
    assert any(line.startswith("received Response ") for line in probed.trace)
    assert '  1.3.6.1.2.1.2.2.1.2.1 = OCTET STRING "port 1"\n' in shown
    octets = 'ifInOctets{ifAlias="",ifDescr="port 2",ifIndex="2",ifName=""} 2000'
    assert f"  1.3.6.1.2.1.2.2.1.10.2 [41 02 07 d0]\n    {octets}\n" in shown
    assert "  1.3.6.1.2.1.2.2.1.2.1 [04 06 70 6f 72 74 20 31]\n    of no metric; it may serve a label\n" in shown
    assert "7075626c6963" not in shown  # "public", the community, as bytes


async def test_silence_says_that_a_wrong_community_looks_the_same(silence: str) -> None:
    question = Question(target=silence, modules=("system", "if_mib"), timeout_s=0.3)
    probed = await probe(ServeOptions(), question)
    shown = as_table(probed)
    assert "-- fault: module system: timeout: " in shown
    assert "-- check: SNMP v1 and v2c answer nothing to a wrong community" in shown
    assert "-- fault: module if_mib: timeout: not asked for after this of system" in shown
    assert "wrong community" in json.loads(as_json(probed))["faults"][0]["check"]


async def test_silence_of_a_v3_device_means_something_else(silence: str, tmp_path: Path) -> None:
    (tmp_path / "snmp.yml").write_text(
        "auths:\n  v3: {version: 3, username: ops, security_level: noAuthNoPriv}\nmodules: {}\n"
    )
    options = ServeOptions(config_files=(str(tmp_path / "snmp.yml"),))
    question = Question(target=silence, modules=("system",), credential="v3", timeout_s=0.3)
    shown = as_table(await probe(options, question))
    assert "a v3 device answers even unknown users" in shown


async def test_refused_port_says_what_to_check() -> None:
    shown = as_table(await probe(ServeOptions(), Question(target="127.0.0.1:1", modules=("system",), timeout_s=2.0)))
    assert "-- fault: module system: refused: " in shown
    assert "-- check: is SNMP switched on at the device, and is 1 its port?" in shown


V3 = """\
auths:
  right: &right {{version: 3, username: SHA256-AES, security_level: authPriv, auth_protocol: SHA256, priv_protocol: AES,
    password: {password}, priv_password: {priv_password}}}
  wrong: {{<<: *right, password: another-password}}
modules: {{}}
"""


async def test_v3_is_traced_in_clear_without_its_keys_and_a_wrong_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "snmp.yml").write_text(V3.format(password=snmpd3.AUTH_PASSWORD, priv_password=snmpd3.PRIV_PASSWORD))
    options = ServeOptions(config_files=(str(tmp_path / "snmp.yml"),))
    with snmpd3.snmpd3(tmp_path, pairs=[("SHA256", "AES")]) as agent:
        where = f"127.0.0.1:{agent.port}"
        right = await probe(options, Question(target=where, modules=("system",), credential="right", trace=True))
        wrong = await probe(options, Question(target=where, modules=("system",), credential="wrong", trace=True))
    shown = as_table(right)
    assert f'= OCTET STRING "{snmpd3.NAME}"\n' in shown
    for secret in (snmpd3.AUTH_PASSWORD, snmpd3.PRIV_PASSWORD, "SHA256-AES"):
        assert secret not in shown
        assert secret.encode().hex() not in shown
    assert "-- fault: module system: auth: " in as_table(wrong)
    assert "-- check: user name, security level, both protocols and both passwords" in as_table(wrong)
