"""The rig of SMTP: a real TLS server that does one thing wrong at one step."""

import ssl
from pathlib import Path

import trustme

from alert_webhook.delivery.channel import ChannelBlock, Permanent, Receipt, Retry, Unknown
from alert_webhook.delivery.channels.smtp import SmtpBlock
from heronwatch.secrets import Secret
from heronwatch.values import Duration
from tests.fakes import raw_server as raw
from tests.fakes.channel_rigs import CANARIES, Case, Rig
from tests.fakes.http_provider import http
from tests.fakes.smtp_provider import smtp_server


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


SMTP = Rig(_smtp_block, "ana@example.org", _smtp_cases)
