"""What the contract suite of channels needs of each: how to point it at a server, and what its provider may answer.

A third party's channel brings its rig under the entry-point group `heronwatch.channel_rigs`, with the channel's name.
"""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import trustme

from alert_webhook.delivery.channel import (
    AlertView,
    ChannelBlock,
    IncidentView,
    Message,
    Permanent,
    Reason,
    Receipt,
    Recipient,
    Retry,
    Unknown,
)
from alert_webhook.delivery.channels.pushover import PushoverBlock
from alert_webhook.delivery.channels.slack import SlackBlock
from alert_webhook.delivery.channels.smtp import SmtpBlock
from alert_webhook.delivery.channels.twilio_sms import TwilioSmsBlock
from alert_webhook.delivery.channels.twilio_voice import TwilioVoiceBlock
from alert_webhook.delivery.channels.webhook import ExactUrl, WebhookBlock
from heronwatch.plugins import Registry
from heronwatch.secrets import Secret
from heronwatch.values import Duration, HttpUrl, Network
from tests.fakes import raw_server as raw
from tests.fakes.http_provider import HttpRequest, after_request, answering, http
from tests.fakes.raw_server import LOOPBACK, Behaviour
from tests.fakes.smtp_provider import smtp_server
from tests.fakes.twilio import ACCOUNT

CANARIES = ("canary-token-6f1e", "canary-password-9a2b", "canary-key-77c0")
ACK_CANARY = "CanaryAckTokenCanary22"


@dataclass(frozen=True)
class Case:
    """What a provider does, and which outcomes are right."""

    behave: Behaviour
    expected: tuple[type, ...]


@dataclass(frozen=True)
class Rig:
    """One channel's part of the contract suite. `block` gets a port, a time-out, and a folder to write to.

    `reference` is one that the channel's receipts could have: look-ups and changes are about it.
    """

    block: Callable[[int, float, Path], ChannelBlock]
    address: str
    cases: Callable[[Path], Mapping[str, Case]]
    reference: str = ""


def sample_message(address: str, **changes: object) -> Message:
    """A page about two alerts, with an anomaly beside it."""
    alert = AlertView(
        name="UpsOnBattery",
        labels={"alertname": "UpsOnBattery", "instance": "ups-2", "site": "plant-2"},
        annotations={"summary": "UPS ups-2 runs on battery", "runbook_url": "https://wiki.example.org/ups"},
        generator_url="https://prom.example.org/graph",
        started_at=1_800_000_000.0,
    )
    incident = IncidentView(
        id=7,
        code="K7QF",
        state="new",
        severity="critical",
        title="UpsOnBattery · ups-2 · plant-2",
        labels={"instance": "ups-2", "site": "plant-2"},
        integration="am",
        source_url="https://am.example.org",
        started_at=1_800_000_000.0,
        updated_at=1_800_000_000.0,
        alerts=(alert,),
        firing=1,
        total=1,
    )
    values: dict[str, object] = {
        "id": "0123456789abcdef0123456789abcdef",
        "incident": incident,
        "recipient": Recipient(person="ana", name="Ana Ruiz", contact="c", channel="c", address=address),
        "reason": Reason.PAGE,
        "step": 1,
        "attempt": 1,
        "sent_at": 1_800_000_060.0,
        "ack_url": f"https://pager.example.org/a/{ACK_CANARY}",
        "context": ("Traffic on core-sw1 Gi1/0/48 is outside its usual band",),
    }
    return Message(**{**values, **changes})  # type: ignore[arg-type]  # the values are of the fields' types


def http_cases(good: bytes, *, good_status: int) -> dict[str, Case]:
    """What may happen to any request over HTTP; `good` is the answer that means success."""
    later = http(good_status, good, length=len(good) + 100)
    statuses = {
        **dict.fromkeys((429, 408, 425, 500, 502, 503, 504, 599), (Retry,)),
        **dict.fromkeys((400, 401, 403, 404, 405, 410, 413, 422, 451, 499), (Permanent,)),
        **dict.fromkeys((301, 302, 303, 307, 308, 304), (Permanent,)),
        **dict.fromkeys((101, 199, 600, 999), (Unknown,)),
    }
    there = {"Location": "http://169.254.169.254/latest/meta-data/"}
    cases = {
        f"HTTP {status}": Case(answering(_always(http(status, b"{}", there))), expected)
        for status, expected in statuses.items()
    }
    return cases | {
        "success": Case(answering(_always(http(good_status, good))), (Receipt,)),
        "success, wrong content type": Case(
            answering(_always(http(good_status, good, {"Content-Type": "text/html"}))), (Receipt,)
        ),
        "success, huge body": Case(after_request(raw.flood(b"HTTP/1.1 200 OK\r\n\r\n" + good, b" " * 4096)), ANYTHING),
        "huge header": Case(after_request(raw.flood(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 4096)), (Unknown,)),
        "endless headers": Case(after_request(raw.flood(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 99)), (Unknown,)),
        "endless 100 Continue": Case(after_request(raw.flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n")), (Unknown,)),
        "endless chunk size": Case(
            after_request(raw.flood(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0" * 4096)), ANYTHING
        ),
        "no answer": Case(raw.silent, (Unknown,)),
        "hang up before the request": Case(raw.hang_up, (Unknown, Retry)),
        "reset": Case(raw.reset, (Unknown, Retry)),
        "hang up after the request": Case(after_request(raw.hang_up), (Unknown,)),
        "reset after the request": Case(after_request(raw.reset), (Unknown,)),
        "status line drop by drop": Case(after_request(raw.drip(b"HTTP/1.1 200 OKKKKKKKKKKKKKKK")), (Unknown,)),
        "headers drop by drop": Case(after_request(raw.drip(b"HTTP/1.1 200 OK\r\nX-Slow: y")), (Unknown,)),
        "body drop by drop": Case(after_request(_then(http(good_status, b"", length=10**6), raw.drip(b" "))), ANYTHING),
        "body that ends early": Case(answering(_always(later)), (Receipt, Unknown)),
        "garbage": Case(after_request(raw.say(bytes(range(256)) * 8)), (Unknown,)),
        "another protocol": Case(after_request(raw.say(b"SSH-2.0-OpenSSH_9.2\r\n")), (Unknown,)),
        "gzip that is none": Case(answering(_always(http(503, b"zzz", {"Content-Encoding": "gzip"}))), (Retry,)),
        "echo of the request": Case(answering(_echo), (Permanent,)),
        "not JSON": Case(answering(_always(http(503, b"<html>oops"))), (Retry,)),
        "deep JSON": Case(answering(_always(http(503, b"[" * 60_000))), (Retry,)),
        "odd JSON": Case(answering(_always(http(503, b'{"code":{"a":[1e999]},"sid":7,"status":[]}'))), (Retry,)),
        "huge code": Case(answering(_always(http(400, b'{"code":' + b"9" * 5000 + b"}"))), (Permanent,)),
    }


ANYTHING = (Receipt, Retry, Permanent, Unknown)  # what matters is that it ends


TIMED = frozenset(  # what takes a time-out each, and is shown by the channels before on the same HTTP client
    {
        "headers drop by drop",
        "status line drop by drop",
        "endless headers",
        "endless 100 Continue",
        "endless chunk size",
    }
)


def same_http(cases: Mapping[str, Case]) -> dict[str, Case]:
    """Those cases that are about the channel and not about its HTTP client."""
    return {label: case for label, case in cases.items() if label not in TIMED}


def _always(answer: bytes) -> Callable[[HttpRequest], bytes]:
    return lambda _request: answer


def _echo(request: HttpRequest) -> bytes:
    return http(400, repr(request).encode(), {"X-Echo": request.headers.get("authorization", "")})


def _then(text: bytes, behave: Behaviour) -> Behaviour:
    def both(sock: raw.socket.socket) -> None:
        sock.sendall(text)
        behave(sock)

    return both


def _webhook_block(port: int, timeout_s: float, _folder: Path) -> ChannelBlock:
    return WebhookBlock(
        url=ExactUrl.parse(f"http://{LOOPBACK}:{port}/hook/"),
        signing_secret=Secret(CANARIES[2]),
        bearer_token=Secret(CANARIES[0]),
        allowed_networks=(Network.parse("127.0.0.0/8"),),
        timeout=Duration(timeout_s),
    )


def _twilio_block(port: int, timeout_s: float, _folder: Path) -> ChannelBlock:
    return TwilioSmsBlock(
        account_sid=ACCOUNT,
        auth_token=Secret(CANARIES[0]),
        sender="+15005550006",
        base_url=HttpUrl.parse(f"http://{LOOPBACK}:{port}"),
        allowed_networks=(Network.parse("127.0.0.0/8"),),
        timeout=Duration(timeout_s),
    )


def _voice_block(port: int, timeout_s: float, _folder: Path) -> ChannelBlock:
    return TwilioVoiceBlock(
        account_sid=ACCOUNT,
        auth_token=Secret(CANARIES[0]),
        sender="+15005550006",
        base_url=HttpUrl.parse(f"http://{LOOPBACK}:{port}"),
        allowed_networks=(Network.parse("127.0.0.0/8"),),
        timeout=Duration(timeout_s),
    )


def _pushover_block(port: int, timeout_s: float, _folder: Path) -> ChannelBlock:
    return PushoverBlock(
        token=Secret(CANARIES[0]),
        base_url=HttpUrl.parse(f"http://{LOOPBACK}:{port}"),
        allowed_networks=(Network.parse("127.0.0.0/8"),),
        timeout=Duration(timeout_s),
    )


def _slack_block(port: int, timeout_s: float, _folder: Path) -> ChannelBlock:
    return SlackBlock(
        bot_token=Secret(CANARIES[0]),
        signing_secret=Secret(CANARIES[2]),
        base_url=HttpUrl.parse(f"http://{LOOPBACK}:{port}"),
        allowed_networks=(Network.parse("127.0.0.0/8"),),
        timeout=Duration(timeout_s),
    )


def _smtp_block(port: int, timeout_s: float, folder: Path) -> ChannelBlock:
    return SmtpBlock(
        host="localhost",
        port=port,
        sender="heronwatch@example.org",
        ca_file=authority(folder),
        username="heronwatch",
        password=Secret(CANARIES[1]),
        timeout=Duration(timeout_s),
    )


_AUTHORITIES: dict[Path, trustme.CA] = {}


def authority(folder: Path) -> Path:
    """Return the file of a certificate authority that lives in `folder`."""
    if folder not in _AUTHORITIES:
        _AUTHORITIES[folder] = trustme.CA()
        _AUTHORITIES[folder].cert_pem.write_to_path(str(folder / "ca.pem"))
    return folder / "ca.pem"


def server_tls(folder: Path, *names: str) -> ssl.SSLContext:
    """Return a server's side of TLS with a certificate of that authority."""
    authority(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _AUTHORITIES[folder].issue_cert(*names).configure_cert(context)
    return context


def _smtp_cases(folder: Path) -> dict[str, Case]:
    tls = server_tls(folder, "localhost")
    other = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(other)
    about_the_server, about_the_mail = ("greeting", "EHLO", "STARTTLS"), ("AUTH", "MAIL", "RCPT", "DATA")
    cases = {"success": Case(smtp_server(tls), (Receipt,))}
    for step in about_the_server + about_the_mail:
        refused = Permanent if step in about_the_mail else Retry
        cases |= {
            f"421 at {step}": Case(smtp_server(tls, **{step: b"421 later\r\n"}), (Retry,)),
            f"451 at {step}": Case(smtp_server(tls, **{step: b"451 later\r\n"}), (Retry,)),
            f"554 at {step}": Case(smtp_server(tls, **{step: b"554 no\r\n"}), (refused,)),
            f"garbage at {step}": Case(smtp_server(tls, **{step: b"\xff\xfe\x00 hello\r\n"}), (Retry,)),
            f"hang up at {step}": Case(smtp_server(tls, **{step: raw.hang_up}), (Retry,)),
            f"silence at {step}": Case(smtp_server(tls, **{step: raw.silent}), (Retry,)),
            f"drops at {step}": Case(smtp_server(tls, **{step: raw.drip(b"250-more")}), (Retry,)),
            f"flood at {step}": Case(smtp_server(tls, **{step: raw.flood(b"", b"250-more\r\n" * 500)}), (Retry,)),
        }
    after = {
        "reset": raw.reset,
        "hang up": raw.hang_up,
        "silence": raw.silent,
        "drops": raw.drip(b"250-x"),
        "flood": raw.flood(b"", b"250-more\r\n" * 500),
        "garbage": b"\xff\xfe\r\n",
        "no code": b"ok\r\n",
    }
    cases |= {f"{what} after the text": Case(smtp_server(tls, text=step), (Unknown,)) for what, step in after.items()}
    return cases | {
        "451 after the text": Case(smtp_server(tls, text=b"451 later\r\n"), (Retry,)),
        "552 after the text": Case(smtp_server(tls, text=b"552 too much\r\n"), (Permanent,)),
        "550 for the recipient": Case(smtp_server(tls, RCPT=b"550 no such user\r\n"), (Permanent,)),
        "535 for the password": Case(smtp_server(tls, AUTH=b"535 no\r\n"), (Permanent,)),
        "454 for the password": Case(smtp_server(tls, AUTH=b"454 later\r\n"), (Retry,)),
        "no STARTTLS": Case(smtp_server(None, EHLO=b"250-x\r\n250 AUTH PLAIN\r\n"), (Retry,)),
        "certificate of a stranger": Case(smtp_server(other), (Retry,)),
        "certificate for another name": Case(smtp_server(server_tls(folder, "mail.example.net")), (Retry,)),
        "handshake that never ends": Case(smtp_server(None), (Retry,)),
        "silence at the end": Case(smtp_server(tls, QUIT=raw.silent), (Receipt,)),
        "an HTTP server": Case(raw.say(http(200, b"hello")), (Retry,)),
    }


WEBHOOK = Rig(_webhook_block, "", lambda _folder: http_cases(b"{}", good_status=204))
TWILIO = Rig(
    _twilio_block,
    "+34600000001",
    lambda _folder: {
        **http_cases(b'{"sid":"SM0123456789abcdef0123456789abcdef","status":"queued"}', good_status=201),
        "201 without a sid": Case(answering(_always(http(201, b"{}"))), (Unknown,)),
        "201 with an odd sid": Case(answering(_always(http(201, b'{"sid":"a b\\n"}'))), (Unknown,)),
        "200 in place of 201": Case(answering(_always(http(200, b'{"sid":"SM1"}'))), (Unknown,)),
        "rate limit in a 400": Case(answering(_always(http(400, b'{"code":20429}'))), (Retry,)),
    },
    "SM0123456789abcdef0123456789abcdef",
)
VOICE = Rig(
    _voice_block,
    "+34600000001",
    lambda _folder: {
        **same_http(http_cases(b'{"sid":"CA0123456789abcdef0123456789abcdef","status":"queued"}', good_status=201)),
        "sid of a message": Case(answering(_always(http(201, b'{"sid":"SM1"}'))), (Unknown,)),
        "200 in place of 201": Case(answering(_always(http(200, b'{"sid":"CA1"}'))), (Unknown,)),
    },
    "CA0123456789abcdef0123456789abcdef",
)
PUSHOVER = Rig(
    _pushover_block,
    "u" + "A" * 29,
    lambda _folder: {
        **same_http(http_cases(b'{"status":1,"request":"647d2300","receipt":"' + b"r" * 30 + b'"}', good_status=200)),
        "status 0": Case(answering(_always(http(200, b'{"status":0}'))), (Unknown,)),
        "odd receipt": Case(answering(_always(http(200, b'{"status":1,"receipt":"a b\\n","request":7}'))), (Receipt,)),
    },
    "r" * 30,
)
SLACK = Rig(
    _slack_block,
    "C024BE91L",
    lambda _folder: {
        **same_http(http_cases(b'{"ok":true,"channel":"C024BE91L","ts":"1800000000.000100"}', good_status=200)),
        "not ok": Case(answering(_always(http(200, b'{"ok":false,"error":"ratelimited"}'))), (Retry,)),
        "an error that is none": Case(answering(_always(http(200, b'{"ok":false,"error":["x"]}'))), (Unknown,)),
        "ok without a place": Case(answering(_always(http(200, b'{"ok":true,"ts":{},"channel":"\\n"}'))), (Unknown,)),
    },
    "C024BE91L:1800000000.000100",
)
SMTP = Rig(_smtp_block, "ana@example.org", _smtp_cases)

RIGS: Registry[Rig] = Registry(
    "heronwatch.channel_rigs",
    {
        "pushover": "tests.fakes.channel_rigs:PUSHOVER",
        "slack": "tests.fakes.channel_rigs:SLACK",
        "smtp": "tests.fakes.channel_rigs:SMTP",
        "twilio_sms": "tests.fakes.channel_rigs:TWILIO",
        "twilio_voice": "tests.fakes.channel_rigs:VOICE",
        "webhook": "tests.fakes.channel_rigs:WEBHOOK",
    },
    {},
)
