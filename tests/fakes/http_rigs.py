"""The rigs of the channels that speak HTTP: what may happen to any request, and what their providers say."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from alert_webhook.delivery.channel import ChannelBlock, Permanent, Receipt, Retry, Unknown
from alert_webhook.delivery.channels.pushover import PushoverBlock
from alert_webhook.delivery.channels.slack import SlackBlock
from alert_webhook.delivery.channels.twilio_sms import TwilioSmsBlock
from alert_webhook.delivery.channels.twilio_voice import TwilioVoiceBlock
from alert_webhook.delivery.channels.webhook import ExactUrl, WebhookBlock
from heronwatch.secrets import Secret
from heronwatch.values import Duration, HttpUrl, Network
from tests.fakes import raw_server as raw
from tests.fakes.channel_rigs import CANARIES, Case, Rig
from tests.fakes.http_provider import HttpRequest, after_request, answering, http
from tests.fakes.raw_server import LOOPBACK, Behaviour
from tests.fakes.twilio import ACCOUNT

ACCOUNT_BLOCK: dict[str, Any] = {
    "account_sid": ACCOUNT,
    "auth_token": Secret(CANARIES[0]),
    "sender": "+15005550006",
}


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


def _block(kind: type[ChannelBlock], **values: Any) -> Callable[[int, float, Path], ChannelBlock]:
    """Return what makes a block of this kind that is pointed at a port of this machine."""

    def make(port: int, timeout_s: float, _folder: Path) -> ChannelBlock:
        url = f"http://{LOOPBACK}:{port}"
        where = {"url": ExactUrl.parse(f"{url}/hook/")} if kind is WebhookBlock else {"base_url": HttpUrl.parse(url)}
        permitted = (Network.parse("127.0.0.0/8"),)
        return kind(timeout=Duration(timeout_s), **{**values, **where, "allowed_networks": permitted})

    return make


WEBHOOK = Rig(
    _block(WebhookBlock, signing_secret=Secret(CANARIES[2]), bearer_token=Secret(CANARIES[0])),
    "",
    lambda _folder: http_cases(b"{}", good_status=204),
)
TWILIO = Rig(
    _block(TwilioSmsBlock, **ACCOUNT_BLOCK),
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
    _block(TwilioVoiceBlock, **ACCOUNT_BLOCK),
    "+34600000001",
    lambda _folder: {
        **same_http(http_cases(b'{"sid":"CA0123456789abcdef0123456789abcdef","status":"queued"}', good_status=201)),
        "sid of a message": Case(answering(_always(http(201, b'{"sid":"SM1"}'))), (Unknown,)),
        "200 in place of 201": Case(answering(_always(http(200, b'{"sid":"CA1"}'))), (Unknown,)),
    },
    "CA0123456789abcdef0123456789abcdef",
)
PUSHOVER = Rig(
    _block(PushoverBlock, token=Secret(CANARIES[0])),
    "u" + "A" * 29,
    lambda _folder: {
        **same_http(http_cases(b'{"status":1,"request":"647d2300","receipt":"' + b"r" * 30 + b'"}', good_status=200)),
        "status 0": Case(answering(_always(http(200, b'{"status":0}'))), (Unknown,)),
        "odd receipt": Case(answering(_always(http(200, b'{"status":1,"receipt":"a b\\n","request":7}'))), (Receipt,)),
    },
    "r" * 30,
)
SLACK = Rig(
    _block(SlackBlock, bot_token=Secret(CANARIES[0]), signing_secret=Secret(CANARIES[2])),
    "C024BE91L",
    lambda _folder: {
        **same_http(http_cases(b'{"ok":true,"channel":"C024BE91L","ts":"1800000000.000100"}', good_status=200)),
        "not ok": Case(answering(_always(http(200, b'{"ok":false,"error":"ratelimited"}'))), (Retry,)),
        "an error that is none": Case(answering(_always(http(200, b'{"ok":false,"error":["x"]}'))), (Unknown,)),
        "ok without a place": Case(answering(_always(http(200, b'{"ok":true,"ts":{},"channel":"\\n"}'))), (Unknown,)),
    },
    "C024BE91L:1800000000.000100",
)
