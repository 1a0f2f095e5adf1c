"""Which requests Twilio signed: its own example, and everything that must not pass."""

import hashlib
import json

import pytest

from alert_webhook.delivery.callback import CallbackRequest, Refused
from alert_webhook.delivery.channels.twilio_sms import TwilioSmsBlock
from alert_webhook.delivery.twilio_account import verified
from alert_webhook.delivery.twilio_signature import body_fits, signature, signed
from heronwatch.secrets import Secret

TOKEN = Secret("12345")
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FIELDS = (
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+14158675310"),
    ("Digits", "1234"),
    ("From", "+14158675310"),
    ("To", "+18005551212"),
)
RIGHT = "GvWf1cFY/Q7PnoempGyD5oXAezc="


def test_the_example_of_twilios_libraries() -> None:
    assert signature(TOKEN, URL, FIELDS) == RIGHT
    assert signed(TOKEN, RIGHT, URL, FIELDS[::-1])


@pytest.mark.parametrize(
    ("presented", "url", "fields"),
    [
        (RIGHT[:-2] + "A=", URL, FIELDS),
        ("", URL, FIELDS),
        ("é\udc80", URL, FIELDS),
        (RIGHT, URL + "&x=1", FIELDS),
        (RIGHT, URL.replace("https", "http"), FIELDS),
        (RIGHT, URL, FIELDS[:-1]),
        (RIGHT, URL, (*FIELDS[:-1], ("To", "+18005551213"))),
        (RIGHT, URL, (*FIELDS, ("Extra", ""))),
    ],
)
def test_anything_else_is_not_signed(presented: str, url: str, fields: tuple[tuple[str, str], ...]) -> None:
    assert not signed(TOKEN, presented, url, fields)


def test_another_token_does_not_fit() -> None:
    assert not signed(Secret("12346"), RIGHT, URL, FIELDS)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("https://a.org/x", "https://a.org:443/x"),
        ("https://a.org:443/x?y=1", "https://a.org/x?y=1"),
        ("http://a.org/x", "http://a.org:80/x"),
        ("https://[2001:db8::1]/x", "https://[2001:db8::1]:443/x"),
        ("https://a.org:8443/x", "https://a.org:8443/x"),
    ],
)
def test_a_port_may_be_written_out_or_not(ours: str, theirs: str) -> None:
    assert signed(TOKEN, signature(TOKEN, theirs, FIELDS), ours, FIELDS)


def test_a_field_that_repeats_counts_once_for_each_value_in_order() -> None:
    twice = (("A", "2"), ("A", "1"), ("A", "2"))
    assert signature(TOKEN, URL, twice) == signature(TOKEN, URL, (("A", "1"), ("A", "2")))


def test_bytes_that_are_no_text_are_only_wrong() -> None:
    assert not signed(TOKEN, RIGHT, URL, (("A", "\udcff"),))


JSON = b'{"property": "value", "boolean": true}'
HASH = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
JSON_URL = f"{URL}&bodySHA256={HASH}"


def test_the_example_with_a_body_of_json() -> None:
    assert signature(TOKEN, JSON_URL, ()) == "a9nBmqA0ju/hNViExpshrM61xv4="
    assert body_fits(JSON_URL, JSON)
    assert body_fits(JSON_URL.replace(HASH, HASH.upper()), JSON)


@pytest.mark.parametrize("body", [b"", JSON + b" ", b"{}"])
def test_another_body_does_not_fit_its_hash(body: bytes) -> None:
    assert body_fits(JSON_URL, body) is False


@pytest.mark.parametrize("query", ["", "?bodySHA256=", "?x=1"])
def test_without_a_hash_the_fields_are_signed(query: str) -> None:
    assert body_fits(f"https://a.org/x{query}", JSON) is None


ACCOUNT = "AC" + "0" * 32
BLOCK = TwilioSmsBlock(account_sid=ACCOUNT, auth_token=TOKEN, sender="+15005550006")


def asked(body: bytes, *, signed_body: bytes | None = None) -> CallbackRequest:
    """A callback with a body of JSON; `signed_body` is the one that Twilio signed, where it is another."""
    url = f"https://a.org/callbacks/sms?bodySHA256={hashlib.sha256(signed_body or body).hexdigest()}"
    return CallbackRequest(url=url, headers={"x-twilio-signature": signature(TOKEN, url, ())}, body=body)


def test_a_signed_body_of_json_is_read() -> None:
    body = json.dumps({"AccountSid": ACCOUNT, "MessageSid": "SM1", "MessageStatus": "sent", "odd": [1]}).encode()
    assert verified(BLOCK, asked(body)) == {"AccountSid": ACCOUNT, "MessageSid": "SM1", "MessageStatus": "sent"}


def test_a_body_that_was_changed_on_the_way_is_refused() -> None:
    real, forged = (json.dumps({"AccountSid": ACCOUNT, "MessageSid": sid}).encode() for sid in ("SM1", "SM2"))
    assert isinstance(verified(BLOCK, asked(forged, signed_body=real)), Refused)


def test_a_form_cannot_pass_as_a_body_with_a_hash() -> None:
    """Its fields are not signed there, so they count for nothing."""
    assert isinstance(verified(BLOCK, asked(f"AccountSid={ACCOUNT}&MessageSid=SM1".encode())), Refused)
