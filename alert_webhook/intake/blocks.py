"""The `integrations` block of the configuration: who sends alerts, how that is proved, what is done about them."""

import re
from typing import Literal

from msgspec import field

from alert_webhook.config_block import Block, Faults
from alert_webhook.incidents.flapping import FlapRule
from alert_webhook.intake import tokens
from alert_webhook.peer_blocks import Access
from heronwatch.secrets import Secret
from heronwatch.values import ByteSize, Duration, HttpUrl, Network

MIN_TOKEN_CHARACTERS = 16
SECRET_COMMAND = "openssl rand -hex 32"  # noqa: S105  # the command that makes one
HEADER = re.compile(r"[A-Za-z0-9-]+", re.ASCII)
GRAFANA_HEADER = "X-Grafana-Alerting-Signature"  # Grafana's default (contact point, webhook, HMAC signature)


class FlappingBlock(Block, frozen=True, kw_only=True):
    """When an alert counts as flapping, and how long it must be calm before its end is believed."""

    times: int = 4  # beginnings; 0: every end is believed at once
    within: Duration = Duration(3600)
    calm: Duration = Duration(900)

    def config_faults(self) -> Faults:
        """At least two beginnings, or none."""
        if self.times != 0 and not 2 <= self.times <= 50:
            yield "times", f"expected 2 to 50, or 0 for never, found {self.times}"

    def rule(self) -> FlapRule | None:
        """Return the rule, None where there is none."""
        return FlapRule(self.times, float(self.within), float(self.calm)) if self.times else None


class SignatureBlock(Block, frozen=True, kw_only=True):
    """HMAC-SHA256 over the body, or over `<timestamp>:<body>` where the sender names a header with its time."""

    secrets: tuple[Secret, ...]  # two at once while one replaces the other
    header: str = GRAFANA_HEADER
    timestamp_header: str = ""  # Unix seconds; without it a body that was overheard can be sent again
    prefix: str = ""  # before the hexadecimal digits, such as sha256=
    tolerance: Duration = Duration(300)

    def config_faults(self) -> Faults:
        """Secrets that are long enough, headers that are names."""
        if not 1 <= len(self.secrets) <= 2:
            yield "secrets", "give one secret, or two while one replaces the other"
        for index, secret in enumerate(self.secrets):
            if len(secret.reveal()) < MIN_TOKEN_CHARACTERS:
                yield f"secrets[{index}]", f"a secret has at least {MIN_TOKEN_CHARACTERS} characters ({SECRET_COMMAND})"
        for name in ("header", "timestamp_header"):
            text = getattr(self, name)
            if (text or name == "header") and not HEADER.fullmatch(text):
                yield name, f"{text!r} is not the name of a header"


class ClientCertificateBlock(Block, frozen=True, kw_only=True):
    """Which client certificates an integration takes: by a name or by the whole subject; one that fits is enough.

    The web config verifies them (`client_auth_type`, `client_ca_file`); or a proxy does, and says whose it was.
    """

    names: tuple[str, ...] = ()  # subject alternative names: DNS, IP, e-mail, URI
    subjects: tuple[str, ...] = ()  # CN=alertmanager,O=Example (RFC 4514)
    header: str = ""  # in which a proxy names the subject, or one name; from `proxies` alone
    proxies: tuple[Network, ...] = ()

    def config_faults(self) -> Faults:
        """Somebody is let in; a header is believed from listed addresses only."""
        if not self.names and not self.subjects:
            yield "names", "give at least one, or one under subjects"
        for index, subject in enumerate(self.subjects):
            if "=" not in subject:
                yield f"subjects[{index}]", f"{subject!r} is not a subject such as CN=alertmanager,O=Example"
        if self.header and not HEADER.fullmatch(self.header):
            yield "header", f"{self.header!r} is not the name of a header"
        if bool(self.header) != bool(self.proxies):
            yield "proxies", "header and proxies go together: name the addresses the header is believed from"


class MappingBlock(Block, frozen=True, kw_only=True):
    """Where a generic JSON body holds what; paths are names joined by dots, list indices are numbers."""

    alerts: str = ""  # the list of alerts; empty: the body is one alert, or a list of them
    labels: dict[str, str] = field(default_factory=dict)  # label → path; a value that is no text becomes JSON
    constant_labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    status: str = ""  # path; without it every alert fires
    resolved: tuple[str, ...] = ("resolved", "ok", "normal", "recovered", "closed", "inactive")  # values, in any case
    starts_at: str = ""  # path to RFC 3339, or to Unix seconds or milliseconds
    ends_at: str = ""
    group: str = ""  # path, in the body, of the sender's own name of the group
    url: str = ""  # path of the sender's page about the alert

    def config_faults(self) -> Faults:
        """An alert has a name, and paths are paths."""
        if "alertname" not in self.labels and "alertname" not in self.constant_labels:
            yield "labels", "say where the label alertname comes from, here or under constant_labels"
        for where in ("labels", "annotations"):
            for name, path in getattr(self, where).items():
                if not path or any(not part for part in path.split(".")):
                    yield f"{where}.{name}", f"{path!r} is not a path such as event.host"


class AlertmanagerApi(Access, frozen=True, kw_only=True):
    """Alertmanager's own API: what it knows is compared with what is here, and completes what it left out."""

    urls: tuple[HttpUrl, ...]  # every node of the cluster, with the route prefix where there is one
    receiver: str = ""  # the receiver that points here; without it, alerts that are missing here are not added
    every: Duration = Duration(60)
    gone_after: Duration = Duration(60)  # an alert that every node has forgotten for this long has ended
    missing_after: Duration = Duration(900)  # an alert that fires there for this long and never arrived is added
    settle: Duration = Duration(600)  # a node that started less long ago may not know its alerts yet
    timeout: Duration = Duration(10)

    def config_faults(self) -> Faults:
        """At least one node, and what is wrong with the access to it."""
        yield from super().config_faults()
        if not self.urls:
            yield "urls", "give at least one"
        if not self.every > 0:
            yield "every", "expected more than 0"


class Integration(Block, frozen=True, kw_only=True):
    """One sender of alerts: `POST /api/v1/intake/TYPE/NAME`, with every proof that is configured for it."""

    type: Literal["alertmanager", "grafana", "generic"] = "alertmanager"
    mode: Literal["live", "shadow"] = "live"  # shadow: everything runs, nobody is contacted
    tokens: tuple[Secret, ...] = ()  # or their digests (sha256:…); two at once while a token is being replaced
    token_in_query: bool = False  # also ?token=…, for senders that can set no header
    signature: SignatureBlock | None = None
    client_certificate: ClientCertificateBlock | None = None
    mapping: MappingBlock | None = None  # of generic
    alertmanager: AlertmanagerApi | None = None
    policy: str
    group_by: tuple[str, ...] = ()  # labels; none: the sender's own groups
    stale_grace: Duration = Duration(600)  # twice Alertmanager's default group_interval
    flapping: FlappingBlock = FlappingBlock()
    max_body: ByteSize = ByteSize(64 << 20)

    def config_faults(self) -> Faults:
        """Something proves who sends; each setting belongs to the type."""
        if not self.tokens and self.signature is None and self.client_certificate is None:
            yield "tokens", "give one token, or two while one replaces the other"
        if len(self.tokens) > 2:
            yield "tokens", "give one token, or two while one replaces the other"
        for index, token in enumerate(self.tokens):
            if problem := tokens.fault(token.reveal(), MIN_TOKEN_CHARACTERS):
                yield f"tokens[{index}]", problem
        if self.token_in_query and not self.tokens:
            yield "token_in_query", "there is no token"
        if self.signature is not None and self.type == "alertmanager":
            yield "signature", "Alertmanager does not sign what it sends; use tokens"
        if (self.mapping is None) == (self.type == "generic"):
            yield "mapping", "an integration of type generic has a mapping, and no other has"
        if self.alertmanager is not None and self.type != "alertmanager":
            yield "alertmanager", "only an integration of type alertmanager has an Alertmanager to ask"
