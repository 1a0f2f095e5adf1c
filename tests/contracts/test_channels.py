"""What every channel promises, third parties' included: the suite runs over all that the registry knows.

A channel never raises for a provider's trouble, never takes longer than its time-out, says before or after which point
it failed, and lets no secret out. Everything goes over real sockets.
"""

import atexit
import contextlib
import functools
import io
import logging
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from alert_webhook.delivery.callback import (
    CallbackRequest,
    Heard,
    Hears,
    LooksUp,
    Refused,
    Reply,
    Result,
    Shows,
    Verdict,
    Wish,
)
from alert_webhook.delivery.channel import (
    Channel,
    ChannelBlock,
    ChannelContext,
    Message,
    Outcome,
    Permanent,
    Plugin,
    Receipt,
    Retry,
    Unknown,
)
from alert_webhook.delivery.registry import CHANNELS
from heronwatch import logs
from tests.fakes.channel_rigs import ACK_CANARY, CANARIES, RIGS, Case, Rig, sample_message
from tests.fakes.raw_server import LOOPBACK, raw_server

TIMEOUT_S = 0.7
GENEROUS_S = 20.0  # where time is not the question
SLACK_S = 12.0  # for a busy machine; a time-out that starts anew with every byte misses it by far
MAX_REASON = 200


@functools.cache
def folder() -> Path:
    """Return a folder that lasts as long as the process, as the rigs' certificates do."""
    made = Path(tempfile.mkdtemp(prefix="heronwatch-rigs-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


@functools.cache
def cases(name: str) -> dict[str, Case]:
    return dict(RIGS.get(name).cases(folder()))


EVERY_CASE = [pytest.param(name, label, id=f"{name}-{label}") for name in CHANNELS.names() for label in cases(name)]


def rig_of(name: str) -> Rig:
    """Return a channel's rig; a channel without one cannot show that it keeps the contract."""
    assert name in RIGS.names(), f"channel {name!r} brings no rig (entry-point group {RIGS.group})"
    return RIGS.get(name)


def make(name: str, port: int, timeout_s: float = TIMEOUT_S) -> Channel:
    context = ChannelContext(name, "https://pager.example.org", bytes, time.time)
    return CHANNELS.get(name).make(rig_of(name).block(port, timeout_s, folder()), context)


@contextlib.contextmanager
def log_lines() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    logs.configure(level="debug", stream=stream)
    try:
        yield stream
    finally:
        root = logging.getLogger()
        for handler in [each for each in root.handlers if isinstance(each, logs.LogHandler)]:
            root.removeHandler(handler)
        logging.captureWarnings(capture=False)
        root.setLevel(logging.WARNING)


def send(
    name: str, port: int, message: Message | None = None, *, timeout_s: float = TIMEOUT_S
) -> tuple[Outcome, float, str]:
    """Send one message; return the outcome, the seconds it took, and everything that was logged."""
    with log_lines() as log, contextlib.closing(make(name, port, timeout_s)) as channel:
        started = time.monotonic()
        outcome = channel.send(message or sample_message(rig_of(name).address))
        return outcome, time.monotonic() - started, log.getvalue()


def check(outcome: Outcome, seconds: float, log: str, *, timeout_s: float = TIMEOUT_S) -> None:
    """What holds of every outcome."""
    assert isinstance(outcome, Receipt | Retry | Permanent | Unknown)
    assert seconds < timeout_s + SLACK_S
    told = repr(outcome)
    for secret in (*CANARIES, ACK_CANARY):
        assert secret not in told
        assert secret not in log
    if not isinstance(outcome, Receipt):
        assert 0 < len(outcome.reason) <= MAX_REASON
    assert all(text.isprintable() for text in msgspec.structs.astuple(outcome) if isinstance(text, str))


@pytest.mark.parametrize("name", CHANNELS.names())
def test_every_channel_brings_a_rig(name: str) -> None:
    assert rig_of(name).cases(folder())


@pytest.mark.parametrize(("name", "label"), EVERY_CASE)
def test_whatever_the_provider_does_is_an_outcome(name: str, label: str) -> None:
    case = cases(name)[label]

    def sent(timeout_s: float) -> tuple[Outcome, int]:
        with raw_server(case.behave) as server:
            outcome, seconds, log = send(name, server.port, timeout_s=timeout_s)
            connections = server.connections
        check(outcome, seconds, log, timeout_s=timeout_s)
        assert connections <= 1, "a channel tries once; the outbox tries again"
        return outcome, connections

    outcome, connections = sent(TIMEOUT_S)
    if not (connections and isinstance(outcome, case.expected)):  # a busy machine may need longer
        outcome, connections = sent(GENEROUS_S)
    assert connections == 1
    assert isinstance(outcome, case.expected), outcome


@pytest.mark.parametrize("name", CHANNELS.names())
def test_refused_connection_is_retried(name: str) -> None:
    with socket.create_server((LOOPBACK, 0)) as unused:
        port = unused.getsockname()[1]
    outcome, seconds, log = send(name, port)
    check(outcome, seconds, log)
    assert isinstance(outcome, Retry)
    assert "refuses" in outcome.reason


@pytest.mark.parametrize("name", CHANNELS.names())
def test_full_backlog_is_retried_in_time(name: str) -> None:
    """Nobody accepts, and the kernel drops what asks: a connection that never comes about."""
    with socket.socket() as full:
        full.bind((LOOPBACK, 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = []
        for _ in range(4):
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex((LOOPBACK, port))
        outcome, seconds, log = send(name, port)
        for each in waiting:
            each.close()
    check(outcome, seconds, log)
    assert isinstance(outcome, Retry)


@pytest.mark.parametrize("name", CHANNELS.names())
def test_silent_name_server_is_retried_in_time(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given_up = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: given_up.wait(40))
    outcome, seconds, log = send(name, 9)
    given_up.set()
    check(outcome, seconds, log)
    assert isinstance(outcome, Retry)


@pytest.mark.parametrize("name", CHANNELS.names())
def test_name_without_address_is_retried(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_args: object, **_more: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    outcome, seconds, log = send(name, 9)
    check(outcome, seconds, log)
    assert isinstance(outcome, Retry)


BOMB = "{% for i in range(10**9) %}{{ 'a' * 10**9 }}{% endfor %}{0.__class__}%s%n${jndi:x}"  # text, wherever it stands
ODD = [BOMB, "\x00\r\n\x1b[31m", "\u202eevil", "\ud800", "&<>\"'", "😀" * 300, "x" * 20_000, ".\r\n.\r\nQUIT\r\n", ""]


@pytest.mark.parametrize("name", CHANNELS.names())
@pytest.mark.parametrize("text", ODD, ids=[ascii(text[:10]) for text in ODD])
def test_whatever_alerts_say_is_an_outcome(name: str, text: str) -> None:
    plain = sample_message(rig_of(name).address)
    alert = msgspec.structs.replace(
        plain.incident.alerts[0],
        labels={"alertname": text, text: text},
        annotations={"summary": text, "description": text, "runbook_url": text},
        generator_url=text,
    )
    incident = msgspec.structs.replace(
        plain.incident, title=text, severity=text, source_url=text, alerts=(alert,) * 20, total=1000, firing=999
    )
    message = msgspec.structs.replace(plain, incident=incident, context=(text,) * 3)
    with raw_server(cases(name)["success"].behave) as server:
        outcome, seconds, log = send(name, server.port, message, timeout_s=GENEROUS_S)
    check(outcome, seconds, log, timeout_s=GENEROUS_S)
    half_a_character = not text.isascii() and not text.isprintable() and len(text) == 1
    assert isinstance(outcome, (Receipt, Permanent) if half_a_character else Receipt), outcome


@pytest.mark.parametrize("name", CHANNELS.names())
@pytest.mark.parametrize("address", ["", "x\r\nBcc: evil@x.org", "+34", "a@b\nRCPT TO:<c@d>", "é" * 999, "\ud800"])
def test_odd_address_is_an_outcome_and_no_crash(name: str, address: str) -> None:
    message = sample_message(rig_of(name).address)
    odd = msgspec.structs.replace(message, recipient=msgspec.structs.replace(message.recipient, address=address))
    with raw_server(cases(name)["success"].behave) as server:
        outcome, seconds, log = send(name, server.port, odd, timeout_s=GENEROUS_S)
    check(outcome, seconds, log, timeout_s=GENEROUS_S)


@pytest.mark.parametrize("name", CHANNELS.names())
def test_senders_share_a_channel(name: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    message = sample_message(rig_of(name).address)
    with (
        raw_server(cases(name)["success"].behave) as server,
        contextlib.closing(make(name, server.port, 20.0)) as channel,
        ThreadPoolExecutor(8) as senders,
    ):
        outcomes = list(senders.map(channel.send, [message] * 24))
    assert {type(outcome) for outcome in outcomes} == {Receipt}


@pytest.mark.parametrize("name", CHANNELS.names())
def test_plugin_is_whole(name: str) -> None:
    plugin: Plugin = CHANNELS.get(name)
    rig = rig_of(name)
    assert plugin.name == name
    assert issubclass(plugin.block, ChannelBlock)
    assert plugin.block.__struct_config__.tag == name
    assert plugin.block.__struct_config__.frozen
    assert plugin.address_fault(rig.address) is None
    assert plugin.address_fault("no such address \r\n")
    shown = plugin.describe_address(rig.address)
    assert shown
    assert not rig.address or rig.address not in shown


ASKED_CASES = (
    *("success", "HTTP 429", "HTTP 404", "HTTP 302", "no answer", "garbage", "not JSON", "deep JSON", "odd JSON"),
    *("huge header", "body that ends early", "reset after the request", "echo of the request"),
)


@pytest.mark.parametrize("label", ASKED_CASES)
@pytest.mark.parametrize("name", [name for name in CHANNELS.names() if RIGS.get(name).reference])
def test_asking_and_changing_end_whatever_the_provider_does(name: str, label: str) -> None:
    with (
        log_lines() as log,
        raw_server(cases(name)[label].behave) as server,
        contextlib.closing(make(name, server.port)) as made,
    ):
        channel: object = made
        started, told = time.monotonic(), ""
        if isinstance(channel, LooksUp):
            found = channel.lookup(rig_of(name).reference)
            assert isinstance(found, Heard | Retry)
            told += repr(found)
        if isinstance(channel, Shows):
            message = sample_message(rig_of(name).address, ack_url="")
            over = msgspec.structs.replace(message.incident, state="resolved")
            shown = channel.show(msgspec.structs.replace(message, incident=over), rig_of(name).reference)
            check(shown, time.monotonic() - started, log.getvalue(), timeout_s=2 * TIMEOUT_S)
        seconds = time.monotonic() - started
    assert seconds < 2 * (TIMEOUT_S + SLACK_S)
    assert not [secret for secret in CANARIES if secret in told + log.getvalue()]


def requests() -> Iterator[CallbackRequest]:
    """What a stranger may send: nothing of it is signed."""
    url = "https://pager.example.org/callbacks/x"
    bodies = (b"", b"\xff\x00", b"payload=%7B%7D", b"payload=" + b"[" * 30_000, b"a=1&" * 500, b"Body=ack&From=%2B1")
    signed = {
        "x-twilio-signature": "AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "x-slack-signature": "v0=" + "0" * 64,
        "x-slack-request-timestamp": str(int(time.time())),
    }
    odd = {"x-twilio-signature": "\udc80", "x-slack-signature": "é", "x-slack-request-timestamp": "9" * 400}
    for body in bodies:
        for headers in ({}, signed, odd):
            for query in ("", "?key=", "?key=%FF&page=%00", "?key=" + "0" * 32):
                yield CallbackRequest(url=url + query, headers=headers, body=body)


@pytest.mark.parametrize("name", CHANNELS.names())
def test_nothing_a_stranger_sends_is_believed(name: str) -> None:
    with contextlib.closing(make(name, 9)) as made:
        channel: object = made
        if isinstance(channel, Hears):
            heard = [channel.hear(request) for request in requests()]
            assert {type(each) for each in heard} == {Refused}
            assert not [secret for secret in CANARIES if secret in repr(heard)]


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("name", CHANNELS.names())
def test_every_answer_to_a_person_can_be_given(name: str, verdict: Verdict) -> None:
    """By names and titles that were made to break out of whatever markup there is."""
    evil = "</Say><Dial>+1</Dial> \x00\r\n & <!channel>"
    result = Result(verdict=verdict, code="K7QF", title=evil, by=evil, codes=("K7QF", "2222"))
    reply = Reply(event="e", sender="+34600000001", wish=Wish.ACK, page="0123", reference="")
    with contextlib.closing(make(name, 9)) as made:
        channel: object = made
        if isinstance(channel, Hears):
            answer = channel.respond(Heard(replies=(reply,)), [result])
            assert answer.status in {200, 204}
            assert b"<Dial>" not in answer.body
            assert b"\x00" not in answer.body


@pytest.mark.parametrize("name", CHANNELS.names())
def test_block_shows_no_secret(name: str) -> None:
    block = rig_of(name).block(1, 1.0, folder())
    assert not [secret for secret in CANARIES if secret in repr(block)]
