"""The seam of delivery: what a channel is given, and what it may answer.

A channel is one file in `delivery/channels/` that exports `PLUGIN: Plugin`. It turns a `Message` into one call of a
provider and the provider's answer into an `Outcome`. It never raises for a provider's trouble: trouble is a value that
says what the outbox does next (try again, give up, or be careful because the page may have gone out already).
"""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, ClassVar, Literal, Protocol

from msgspec import Struct

from alert_webhook.delivery.template_block import TemplateBlock
from heronwatch.values import Duration


class Reason(StrEnum):
    """Why this message is sent; every message says it."""

    PAGE = "page"  # the incident reached an escalation step that names this person
    FALLBACK = "fallback"  # the person's earlier contact failed
    RESOLVED = "resolved"  # an incident this person was paged for is over
    REMINDER = "reminder"  # the person has the incident: is it still theirs?
    DIGEST = "digest"  # what began since the last digest and pages nobody
    HANDOVER = "handover"  # somebody else is on call now
    TEST = "test"  # somebody asked for a test page


NOTICES = frozenset({Reason.RESOLVED, Reason.REMINDER, Reason.DIGEST, Reason.HANDOVER})  # nobody's answer is waited for


class AlertView(Struct, frozen=True, kw_only=True):
    """One alert of an incident as it is shown to a person. Times are Unix seconds."""

    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    generator_url: str
    started_at: float
    ended_at: float | None = None  # None while it fires


class FoldedView(Struct, frozen=True, kw_only=True):
    """An incident that is folded into another one: it pages nobody while that one stands for it."""

    code: str
    severity: str
    title: str
    started_at: float  # Unix seconds
    firing: int


class IncidentView(Struct, frozen=True, kw_only=True):
    """An incident as it is shown to a person. Times are Unix seconds.

    `alerts` holds the most severe firing alerts first and is bounded; `firing` and `total` are the true counts.
    `labels` are those all alerts of the incident shared when it began. `folded` holds the most severe of the incidents
    that are folded into this one, and is bounded; `folded_total` is their true count.
    """

    id: int
    code: str  # 4 to 6 characters a person can say on the phone
    state: str  # a value of incidents.transitions.State
    severity: str
    title: str
    labels: Mapping[str, str]
    integration: str
    source_url: str  # the sender's own page (Alertmanager's externalURL), or ""
    started_at: float
    updated_at: float
    alerts: tuple[AlertView, ...]
    firing: int
    total: int
    acked_by: str = ""
    acked_at: float | None = None
    resolved_at: float | None = None
    folded: tuple[FoldedView, ...] = ()
    folded_total: int = 0

    @property
    def began_at(self) -> float:
        """When it began for its reader: as early as its alerts say, where that is before we heard of it."""
        return min((self.started_at, *(each.started_at for each in self.alerts if each.started_at > 0)))


class Recipient(Struct, frozen=True, kw_only=True):
    """Who gets the message, and where."""

    person: str  # key in the configuration's `people`
    name: str  # what to call them
    contact: str  # key in the person's `contacts`
    channel: str  # key in the configuration's `channels`
    address: str  # a phone number, a mail address, or "" where the channel itself knows where to go
    time_zone: str = "UTC"  # in which they read times


class Words(Struct, frozen=True, kw_only=True):
    """What a channel's template made of a message; "" where our own words stay. How to answer is added to them."""

    title: str = ""
    text: str = ""
    html: str = ""


class Message(Struct, frozen=True, kw_only=True):
    """All that one page says, not yet in words: `delivery.render` puts it into words for a channel."""

    id: str  # the same for every attempt at this notification: an idempotency key
    incident: IncidentView
    recipient: Recipient
    reason: Reason
    step: int  # escalation step, counted from 1; 0 for resolve notices
    attempt: int  # counted from 1
    sent_at: float  # Unix seconds
    ack_url: str = ""  # a capability: shown to the recipient, never logged
    context: tuple[str, ...] = ()  # what else is to be known, at most three lines: what a bundle holds, open anomalies
    bundled: int = 0  # other incidents that want an answer and are told of in this message only
    possible_duplicate: bool = False  # an earlier attempt may have reached the person: the text must say so
    words: Words = Words()
    shadow: bool = False  # shadow mode: it ends before its channel


class Receipt(Struct, frozen=True):
    """The provider took the message. `reference` is its id for the message ("" if it gives none)."""

    reference: str = ""
    detail: str = ""


class Retry(Struct, frozen=True):
    """The provider did not take it now and may later: not before `after_s` seconds, if it said so."""

    reason: str
    after_s: float | None = None


class Permanent(Struct, frozen=True):
    """This message to this address can never succeed; `disable_contact`: nor can any other message to it.

    `refused_us`: it is not about the message or the address, the provider does not let us in (401, 403, a revoked
    token): nothing goes through this channel until somebody sees to it.
    """

    reason: str
    disable_contact: bool = False
    refused_us: bool = False


class Unknown(Struct, frozen=True):
    """The provider may or may not have taken it (a time-out after sending, a connection reset)."""

    reason: str


Outcome = Receipt | Retry | Permanent | Unknown


class Channel(Protocol):
    """One configured way to reach people. Called from several threads; keeps no state that a crash may lose."""

    def send(self, message: Message) -> Outcome:
        """Hand `message` to the provider within the block's `timeout`; provider trouble is a value."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...


class ChannelBlock(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type"):
    """A block under `channels:`; a plug-in's own block derives from it: `class SmtpBlock(ChannelBlock, tag="smtp")`."""

    link_in_text: ClassVar[bool] = False  # whether a template's words may hold the ack link

    timeout: Duration = Duration(20)  # the whole of one `send`, connection included
    fallback: str = ""  # another channel, for the same addresses, that takes over when this provider takes nothing
    privacy: Literal["full", "minimal"] = "full"  # minimal: no URL of ours but the ack link reaches the provider
    template: TemplateBlock | None = None  # messages in words of your own

    def people_named(self) -> Iterable[tuple[str, str]]:
        """Return (path, key) of the people that the block itself names, so that loading can check them."""
        return ()


class ChannelContext(Struct, frozen=True):
    """What every channel may use besides its own settings."""

    name: str  # key in the configuration's `channels`
    public_url: str  # where people and providers reach us from outside, no trailing slash; "" if nowhere
    random: Callable[[int], bytes]  # n random bytes
    now: Callable[[], float]  # Unix seconds, for date headers and signatures


class Plugin(Struct, frozen=True):
    """One kind of channel: the class of its block, and how to make a channel of one.

    `block` derives from `ChannelBlock` with `tag=name`; `make` takes a block and a context. `address_fault` says what
    is wrong with a contact's address (None: nothing) when the configuration loads, so that an accepted address cannot
    fail for its form at night. `describe_address` returns the form of an address that may appear in logs, metrics and
    timelines (`+34…17`).
    """

    name: str
    block: type[ChannelBlock]
    make: Callable[[Any, ChannelContext], Channel]
    address_fault: Callable[[str], str | None]
    describe_address: Callable[[str], str]


class Decision(Struct, frozen=True):
    """May this message go out now? If not: why, and when to ask again (Unix seconds)."""

    send: bool
    reason: str = ""
    again_at: float = 0.0


class Gate(Protocol):
    """What stands between the outbox and a channel: throttles for a contact, the breaker of a provider."""

    def ask(self, message: Message, recent: tuple[float, ...], now: float) -> Decision:
        """Decide about one message; `recent` are the times of what this contact was sent in the last three hours."""
        ...

    def tell(self, channel: str, outcome: Outcome, now: float) -> None:
        """Learn how an attempt through `channel` (its key in the configuration) ended."""
        ...
