"""Which requests Twilio signed: its own example, and everything that must not pass."""

import pytest

from alert_webhook.delivery.twilio_signature import signature, signed
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
