"""What the contract suite of channels needs of each: how to point it at a server, and what its provider may answer.

A third party's channel brings its rig under the entry-point group `heronwatch.channel_rigs`, with the channel's name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from alert_webhook.delivery.channel import AlertView, ChannelBlock, IncidentView, Message, Reason, Recipient
from heronwatch.plugins import Registry
from tests.fakes.raw_server import Behaviour

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


RIGS: Registry[Rig] = Registry(
    "heronwatch.channel_rigs",
    {
        "pushover": "tests.fakes.http_rigs:PUSHOVER",
        "slack": "tests.fakes.http_rigs:SLACK",
        "smtp": "tests.fakes.smtp_rig:SMTP",
        "twilio_sms": "tests.fakes.http_rigs:TWILIO",
        "twilio_voice": "tests.fakes.http_rigs:VOICE",
        "webhook": "tests.fakes.http_rigs:WEBHOOK",
    },
    {},
)
