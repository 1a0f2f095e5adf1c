"""The other half of the seam of delivery: what providers and people say after a message was sent.

A channel that can be told something has `hear` and `respond`; one that can be asked about a message has `lookup`; one
whose messages can be changed afterwards has `show`. All are optional, and are found by `isinstance`.
"""

import re
from collections.abc import Mapping, Sequence
from enum import IntEnum, StrEnum
from typing import Protocol, runtime_checkable

from msgspec import Struct

from alert_webhook.delivery.channel import Message, Outcome, Retry
from heronwatch.retry import Backoff

PAGE = re.compile(r"[0-9A-Za-z_-]{1,64}", re.ASCII)  # how our own ids of messages look


class CallbackRequest(Struct, frozen=True, kw_only=True):
    """A request as it came; nothing in it is believed yet. Header names are in lower case."""

    url: str  # as the provider knows it: made of our public URL, never of the Host header
    headers: Mapping[str, str]
    body: bytes


class Refused(Struct, frozen=True):
    """The request does not prove that the provider sent it, or is none of its forms."""

    reason: str


class Stage(IntEnum):
    """How far a message is. A report never leads back to a lower stage, and the last two are for good."""

    ACCEPTED = 0  # the provider took it
    PASSED_ON = 1  # to the carrier, to the phone that rings
    DELIVERED = 8  # it reached the device, the call was answered
    FAILED = 9  # it will not arrive

    @property
    def final(self) -> bool:
        """Whether nothing more is to be learnt."""
        return self >= Stage.DELIVERED


class Report(Struct, frozen=True, kw_only=True):
    """What became of a message. `reference` is the provider's id of it, as in its `Receipt`."""

    reference: str
    stage: Stage
    word: str  # the provider's own: "undelivered"
    reason: str = ""  # why, in the provider's terms: "Twilio's error 30003"
    disable_contact: bool = False  # nor will any other message to this address arrive
    ask_now: bool = False  # the provider knows more than it said


class Wish(StrEnum):
    """What somebody wants who answers a message."""

    ACK = "ack"
    STOP = "stop"  # no more messages to this address: the provider enforces it
    START = "start"  # messages again
    OTHER = "other"  # nobody knows


class Reply(Struct, frozen=True, kw_only=True):
    """Somebody's answer. `sender` is what the provider vouches for: a number, an account's id.

    `page` is our id of the message where a button or a key says which one is meant, `reference` the provider's id of it
    where the provider says so; `code` is an incident's code as somebody wrote it.
    """

    event: str  # the provider's id of this answer: the second one with it changes nothing
    sender: str
    wish: Wish
    page: str = ""
    code: str = ""
    reference: str = ""


class Heard(Struct, frozen=True):
    """What one verified callback, or one lookup, says. `waits`: more may follow, ask again."""

    reports: tuple[Report, ...] = ()
    replies: tuple[Reply, ...] = ()
    waits: bool = False


class Verdict(StrEnum):
    """What became of a reply."""

    TAKEN = "taken"  # the incident is theirs
    ALREADY = "already"  # somebody else has it
    OVER = "over"  # the incident has ended
    WHICH = "which"  # several incidents could be meant
    NOTHING = "nothing"  # nothing waits for their answer
    WRONG = "wrong"  # no incident of theirs has this code
    STRANGER = "stranger"  # no configured contact has this address
    COOL_DOWN = "cool_down"  # too many wrong codes, or answers, from this address
    NOTED = "noted"  # understood, and nothing to answer


class Result(Struct, frozen=True, kw_only=True):
    """What became of a reply, in what its answer has to say."""

    verdict: Verdict
    code: str = ""
    title: str = ""
    by: str = ""  # who has it
    codes: tuple[str, ...] = ()  # of the incidents that could be meant


class CallbackAnswer(Struct, frozen=True):
    """What the provider is answered."""

    status: int = 204
    content_type: str = ""
    body: bytes = b""


@runtime_checkable
class Hears(Protocol):
    """A channel whose provider calls back at `/callbacks/NAME`."""

    def hear(self, request: CallbackRequest) -> Heard | Refused:
        """Verify a request and say what it means. Does no I/O."""
        ...

    def respond(self, heard: Heard, results: Sequence[Result]) -> CallbackAnswer:
        """Return the answer to a request, `results` being those of its replies; everything is committed by now."""
        ...


@runtime_checkable
class LooksUp(Protocol):
    """A channel whose provider can be asked what became of a message."""

    polling: Backoff  # the first question comes after its first delay; each waits for the next
    asked_for_s: float  # afterwards a message is asked about no more

    def lookup(self, reference: str) -> Heard | Retry:
        """Ask the provider about one message."""
        ...


@runtime_checkable
class Shows(Protocol):
    """A channel whose messages follow the incident after they were sent."""

    def show(self, message: Message, reference: str) -> Outcome:
        """Make what the provider shows (or repeats) fit the incident's state in `message`."""
        ...
