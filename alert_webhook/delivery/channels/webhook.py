"""A generic webhook: JSON by POST, signed as Standard Webhooks asks (webhook-id, -timestamp, -signature)."""

import base64
import hashlib
import hmac
import ssl
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import msgspec

from alert_webhook.delivery.channel import (
    Channel,
    ChannelBlock,
    ChannelContext,
    Message,
    Outcome,
    Permanent,
    Plugin,
    Receipt,
)
from alert_webhook.delivery.guarded_http import Answer, GuardedHttp, classify
from alert_webhook.delivery.reachable import url_fault
from alert_webhook.delivery.render import payload
from heronwatch.secrets import Secret
from heronwatch.values import HttpUrl, Network

BASE64_KEY = "whsec_"  # how Standard Webhooks writes its keys


class ExactUrl(HttpUrl):
    """A URL kept to the letter: for a receiver, a slash at the end may be another place."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the URL that a text means."""
        super().parse(text)
        return cls(text)


class WebhookBlock(ChannelBlock, frozen=True, kw_only=True, tag="webhook"):
    """Where to POST. `signing_secret` signs each request; `bearer_token` is sent as it is.

    `ca_file` holds the certificates to trust in place of the public ones.
    """

    url: ExactUrl
    signing_secret: Secret | None = None
    bearer_token: Secret | None = None
    ca_file: Path | None = None
    allowed_networks: tuple[Network, ...] = ()

    def config_faults(self) -> Iterable[tuple[str, str]]:
        """Nothing over clear text to the outside, a key that is one, certificates that can be read."""
        if fault := url_fault(self.url, self.allowed_networks):
            yield "url", fault
        try:
            signing_key(self.signing_secret or Secret(""))
        except ValueError:
            yield "signing_secret", f"what follows {BASE64_KEY} is not base64"
        try:
            ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ValueError) as error:
            yield "ca_file", f"{str(self.ca_file)!r} holds no certificates: {type(error).__name__}"


class Webhook:
    """Sends one message by one request."""

    def __init__(self, block: WebhookBlock, context: ChannelContext, http: GuardedHttp) -> None:
        self._block = block
        self._context = context
        self._http = http

    def send(self, message: Message) -> Outcome:
        """POST a message."""
        now = self._context.now()
        try:
            body = msgspec.json.encode(payload(message))
        except ValueError:  # half of a character
            return Permanent("the message cannot be written as JSON")
        answer = self._http.post(
            self._block.url,
            timeout_s=float(self._block.timeout),
            data=body,
            headers=headers(self._block, message.id, body, now=now),
        )
        if not isinstance(answer, Answer):
            return answer
        return classify(answer, now=now) or Receipt(detail=f"HTTP {answer.status}")

    def close(self) -> None:
        """Release connections."""
        self._http.close()


def headers(block: WebhookBlock, identifier: str, body: bytes, *, now: float) -> dict[str, str]:
    """Return the headers of the request. `webhook-id` is the same for every attempt at one message."""
    stamp = str(int(now))
    made = {
        "Content-Type": "application/json",
        "User-Agent": "heronwatch",
        "webhook-id": identifier,
        "webhook-timestamp": stamp,
    }
    if block.signing_secret is not None:
        made["webhook-signature"] = "v1," + sign(block.signing_secret, identifier, stamp, body)
    if block.bearer_token is not None:
        made["Authorization"] = f"Bearer {block.bearer_token.reveal()}"
    return made


def sign(secret: Secret, identifier: str, stamp: str, body: bytes) -> str:
    """Return base64 of HMAC-SHA256 over `id.timestamp.body` (Standard Webhooks)."""
    signed = f"{identifier}.{stamp}.".encode() + body
    return base64.b64encode(hmac.digest(signing_key(secret), signed, hashlib.sha256)).decode()


def signing_key(secret: Secret) -> bytes:
    """Return the key: what is in base64 after `whsec_`, else the text itself. ValueError where it is no base64."""
    text = secret.reveal()
    if text.startswith(BASE64_KEY):
        return base64.b64decode(text.removeprefix(BASE64_KEY), validate=True)
    return text.encode()


def _address_fault(address: str) -> str | None:
    return None if not address else "the channel's url says where to go: leave the address out"


def _describe(_address: str) -> str:
    return "the channel's url"


def _make(block: WebhookBlock, context: ChannelContext) -> Channel:
    http = GuardedHttp(block.allowed_networks, clock=time.monotonic, ca_file=block.ca_file)
    return Webhook(block, context, http)


PLUGIN = Plugin("webhook", WebhookBlock, _make, _address_fault, _describe)
