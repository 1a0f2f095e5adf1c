"""SNMPv3 against the real thing: net-snmp's agent, in every pair of protocols that it speaks."""

import itertools
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporters.snmp import ber, oid
from exporters.snmp.ber import Kind, Reply, Request
from exporters.snmp.config.credential import SnmpCredential, security_of
from exporters.snmp.errors import CredentialError, MalformedError
from exporters.snmp.security import Reported, SecurityModel
from exporters.snmp.usm.model import UserSecurity
from heronwatch.secrets import Secret
from tests.fakes import snmpd3
from tests.fakes.clock import FakeClock
from tests.fakes.daemons import LOOPBACK, Daemon

SYS_NAME = oid.encode("1.3.6.1.2.1.1.5.0")
GET = Request(Kind.GET, (SYS_NAME,))
ONE = [("SHA256", "AES")]
MOST_SENDS = 6


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with snmpd3.snmpd3(tmp_path_factory.mktemp("snmpd3")) as daemon:
        yield daemon


class Line:
    """A blocking way to an agent: asks, learns from reports, asks again."""

    def __init__(self, port: int, model: SecurityModel, *, first_id: int = 1_000) -> None:
        self.model = model
        self.sent = 0
        self._ids = itertools.count(first_id)
        self._place = (LOOPBACK, port)

    def ask(self, request: Request, *, timeout_s: float = 5.0) -> Reply:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
            way.settimeout(timeout_s)
            way.connect(self._place)
            for number in itertools.islice(self._ids, MOST_SENDS):
                way.send(self.model.hello(number) or self.model.wrap(ber.encode_request(request, number), number))
                self.sent += 1
                try:
                    return ber.decode_response(*self.model.unwrap(way.recv(65_535)))
                except Reported as report:
                    if report.error is not None:
                        raise report.error from None
        raise AssertionError(f"no answer after {MOST_SENDS} requests")


def user(auth: str = "SHA256", priv: str = "AES", **changed: object) -> SnmpCredential:
    keys = {
        "version": 3, "username": snmpd3.user_of(auth, priv), "auth_protocol": auth, "priv_protocol": priv,
        "auth_password": Secret(snmpd3.AUTH_PASSWORD), "priv_password": Secret(snmpd3.PRIV_PASSWORD),
    }  # fmt: skip
    return SnmpCredential(**(keys | changed))  # type: ignore[arg-type]


def line(agent: Daemon, credential: SnmpCredential, **scope: object) -> Line:
    return Line(agent.port, security_of(credential, **scope))  # type: ignore[arg-type]


def name_of(reply: Reply) -> bytes:
    return reply.varbinds[0][1][1]


@pytest.mark.parametrize(("auth", "priv"), snmpd3.PAIRS, ids=[snmpd3.user_of(*pair) for pair in snmpd3.PAIRS])
def test_every_pair_of_protocols_is_understood(agent: Daemon, auth: str, priv: str) -> None:
    asking = line(agent, user(auth, priv))
    for _ in range(3):
        assert name_of(asking.ask(GET)) == snmpd3.NAME.encode()
    assert asking.sent == 4, "one question for the engine, and one for each answer"


def test_without_privacy(agent: Daemon) -> None:
    credential = SnmpCredential(
        version=3, username=snmpd3.PLAIN, auth_protocol="SHA256", auth_password=Secret(snmpd3.AUTH_PASSWORD)
    )
    assert name_of(line(agent, credential).ask(GET)) == snmpd3.NAME.encode()


def test_without_authentication(agent: Daemon) -> None:
    asking = line(agent, SnmpCredential(version=3, username=snmpd3.READER))
    assert name_of(asking.ask(GET)) == snmpd3.NAME.encode()
    assert asking.sent == 2


def test_a_walk_by_getbulk(agent: Daemon) -> None:
    reply = line(agent, user("SHA512", "AES256")).ask(Request(Kind.GET_BULK, (oid.encode("1.3.6.1.2.1"),), 50))
    assert len(reply.names) == 50


@pytest.mark.parametrize(
    ("credential", "words"),
    [
        (user(username="nobody"), "the device knows no such user (unknownUserNames)"),
        (user(auth_password=Secret("not the password")), "the device refuses the signature (wrongDigests)"),
        (user(auth_protocol="SHA"), "the device refuses the signature (wrongDigests)"),
        (
            user(username=snmpd3.PLAIN),
            "the device does not let this user in at this security level (unsupportedSecLevels)",
        ),
    ],
    ids=["user", "password", "protocol", "level"],
)
def test_what_the_device_refuses_is_told(agent: Daemon, credential: SnmpCredential, words: str) -> None:
    with pytest.raises(CredentialError) as raised:
        line(agent, credential).ask(GET)
    assert str(raised.value).startswith(words)
    assert not any(secret in str(raised.value) for secret in ("syrup", "not the password"))


def test_a_wrong_privacy_password_is_met_with_silence(agent: Daemon) -> None:
    asking = line(agent, user(priv_password=Secret("not the password")))
    with pytest.raises(TimeoutError):
        asking.ask(GET, timeout_s=0.3)
    assert isinstance(asking.model, UserSecurity)
    assert "wrong privacy password" in asking.model.silence


def test_a_context(agent: Daemon) -> None:
    only_there = Request(Kind.GET, (oid.encode(f"{snmpd3.CONTEXT_ROOT}.5.0"),))
    assert name_of(line(agent, user(), context=snmpd3.CONTEXT).ask(only_there)) == snmpd3.NAME.encode()
    assert name_of(line(agent, user(context_name=snmpd3.CONTEXT)).ask(only_there)) == snmpd3.NAME.encode()
    assert line(agent, user()).ask(only_there).exceptional


def test_another_engine_of_the_context_is_named(agent: Daemon) -> None:
    asking = line(agent, user(), engine_id="80001f8804666f6f")
    assert name_of(asking.ask(GET)) == snmpd3.NAME.encode(), "net-snmp answers whatever engine the context is of"


def test_a_restart_is_noticed_and_costs_one_packet(tmp_path: Path) -> None:
    folder = snmpd3.fresh(tmp_path)
    with snmpd3.snmpd3(folder, pairs=ONE) as agent:
        asking = line(agent, user())
        asking.ask(GET)
    with snmpd3.snmpd3(folder, port=agent.port, pairs=ONE):
        assert isinstance(asking.model, UserSecurity)
        before, sent = asking.model.engine_boots, asking.sent
        assert name_of(asking.ask(GET)) == snmpd3.NAME.encode()
        assert (before, asking.model.engine_boots) == (1, 2)
        assert asking.sent == sent + 2


def test_an_agent_that_lost_its_memory_is_met_anew(tmp_path: Path) -> None:
    with snmpd3.snmpd3(snmpd3.fresh(tmp_path), pairs=ONE) as agent:
        asking = line(agent, user())
        asking.ask(GET)
    with snmpd3.snmpd3(snmpd3.fresh(tmp_path), port=agent.port, pairs=ONE):
        assert isinstance(asking.model, UserSecurity)
        before = asking.model.engine_id
        assert name_of(asking.ask(GET)) == snmpd3.NAME.encode()
        assert asking.model.engine_id != before


def test_a_clock_that_went_wrong_is_set_again(agent: Daemon) -> None:
    clock = FakeClock(monotonic=1_000.0)
    asking = Line(agent.port, security_of(user(), now=clock.monotonic))
    asking.ask(GET)
    clock.advance(500)
    sent = asking.sent
    assert name_of(asking.ask(GET)) == snmpd3.NAME.encode()
    assert asking.sent == sent + 2
    asking.ask(GET)
    assert asking.sent == sent + 3


def test_an_answer_that_was_changed_on_the_way_is_dropped(agent: Daemon) -> None:
    asking = line(agent, user())
    asking.ask(GET)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        way.settimeout(5)
        way.connect((LOOPBACK, agent.port))
        way.send(asking.model.wrap(ber.encode_request(GET, 2_000), 2_000))
        answer = way.recv(65_535)
    for position in range(len(answer)):
        with pytest.raises((MalformedError, Reported)):
            asking.model.unwrap(answer[:position] + bytes((answer[position] ^ 1,)) + answer[position + 1 :])
    asking.model.unwrap(answer)
