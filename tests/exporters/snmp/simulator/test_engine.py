"""The agent's side of SNMPv3: net-snmp's own tools are let in, and told why when they are not."""

import shutil
import subprocess
from collections.abc import AsyncIterator

import pytest

from exporters.snmp.simulator import recording
from exporters.snmp.simulator.agent import Agent
from exporters.snmp.simulator.engine import AgentEngine, engine_id
from exporters.snmp.simulator.simulated import Simulator
from exporters.snmp.usm.model import User
from heronwatch.secrets import Secret
from tests.fakes.processes import DAEMON_DIRS

LINES = ["1.3.6.1.2.1.1.5.0|4|core", "1.3.6.1.2.1.2.1.0|2|3"]
USER = User(
    name="ana", auth_protocol="SHA256", auth_password=Secret("authenticates"),
    priv_protocol="AES", priv_password=Secret("encrypts-it"),
)  # fmt: skip
RIGHT = ("-u", "ana", "-l", "authPriv", "-a", "SHA-256", "-A", "authenticates", "-x", "AES", "-X", "encrypts-it")


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    engine = AgentEngine(USER, engine_id=engine_id("device"), started_at=0.0, random_bits=lambda bits: bits)
    simulated = Simulator(Agent(recording.parse(LINES), started_at=0.0, engine=engine), now=lambda: 100.0)
    yield simulated
    simulated.close()


async def asked(simulator: Simulator, *arguments: str) -> str:
    """Ask with net-snmp; return what it prints."""
    import asyncio

    tool = shutil.which("snmpbulkwalk", path=":".join(DAEMON_DIRS) + ":/usr/bin")
    if tool is None:
        pytest.skip("needs snmpbulkwalk: apt-get install snmp")
    where = "{}:{}".format(*simulator.address)
    command = [tool, "-v3", "-r0", "-t5", "-m", "", "-On", *arguments, where, "1.3.6.1.2.1"]
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=50,
        env={"SNMP_PERSISTENT_DIR": "/nonexistent"},
    )  # fmt: skip
    return str(done.stdout) + str(done.stderr)


async def test_the_user_is_let_in(simulator: Simulator) -> None:
    found = await asked(simulator, *RIGHT)
    assert '.1.3.6.1.2.1.1.5.0 = STRING: "core"' in found
    assert simulator.agent.tally().walks == {"1.3.6.1.2.1": 1}


@pytest.mark.parametrize(
    ("wrong", "by", "reason"),
    [
        ("authenticates", "authenticated", "Authentication failure"),
        ("encrypts-it", "encrypted-it", "Decryption error"),
        ("ana", "ben", "Unknown user name"),
        ("authPriv", "authNoPriv", "Unsupported security level"),
    ],
)
async def test_others_are_told_why_not(simulator: Simulator, wrong: str, by: str, reason: str) -> None:
    arguments = [by if argument == wrong else argument for argument in RIGHT]
    assert reason in await asked(simulator, *arguments)
    assert simulator.agent.tally().values == 0


async def test_what_is_signed_before_a_reboot_is_too_old_after_it(simulator: Simulator) -> None:
    from exporters.snmp import ber
    from exporters.snmp.security import Reported
    from exporters.snmp.usm.model import Scope, UserSecurity

    engine = AgentEngine(USER, engine_id=engine_id("device"), started_at=0.0, random_bits=lambda bits: bits)
    agent = Agent(recording.parse(LINES), started_at=0.0)
    security = UserSecurity(USER, Scope(), now=lambda: 0.0, random_bits=lambda bits: bits)

    def ask(message_id: int) -> ber.Reply:
        pdu = ber.encode_request(ber.Request(ber.Kind.GET_NEXT, (b"\x2b",)), message_id)
        answer = agent.answer(security.wrap(pdu, message_id), 100.0, engine)
        assert answer is not None
        return ber.decode_response(*security.unwrap(answer))

    with pytest.raises(Reported):
        ask(1)
    assert len(ask(2).names) == 1
    engine.reboot(100.0)
    with pytest.raises(Reported) as reported:
        ask(3)
    assert reported.value.error is None
    assert (len(ask(4).names), security.engine_boots) == (1, 2)
