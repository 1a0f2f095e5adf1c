"""Whatever stands in a URL is understood or refused with a reason: nothing else comes out."""

from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.errors import RefusedError, WrongRequestError
from exporters.loading import Sources, load_setup
from exporters.metric.samples import label_text
from exporters.probe_output import labels_of
from exporters.probing.selection import endpoint_wanted, permitted, probe_wanted
from heronwatch.http_message import Query
from tests.fakes.toy import original_plugin, toy_plugin

PLUGINS = [toy_plugin(), original_plugin()]
SETUP = load_setup(Sources(), PLUGINS)
KEYS = st.sampled_from(["target", "module", "auth", "unit", "protocol", "original_context"]) | st.text(max_size=5)
WORDS = ["if_mib", "plain", "public_v2", "10.0.0.1", "[::1]:161", "udp://10.0.0.1:161", "7"]
VALUES = st.sampled_from(WORDS) | st.text(max_size=30)


def outcome(query: Query, *, own_route: bool) -> str:
    try:
        wanted = endpoint_wanted(SETUP, PLUGINS[1], query) if own_route else probe_wanted(SETUP, query)
    except (WrongRequestError, RefusedError) as error:
        return f"refused: {error}"
    assert wanted.modules
    assert 0 < wanted.port < 65536
    decision = permitted(SETUP, wanted, "8.8.8.8")[1]
    return f"understood: {decision.reason}"


@given(pairs=st.lists(st.tuples(KEYS, VALUES), max_size=6), own_route=st.booleans())
def test_any_parameters(pairs: list[tuple[str, str]], *, own_route: bool) -> None:
    assert outcome(Query(urlencode(pairs)), own_route=own_route)


@given(text=st.text(max_size=200), own_route=st.booleans())
def test_any_query_string(text: str, *, own_route: bool) -> None:
    assert outcome(Query(quote(text, safe="=&%+;")), own_route=own_route)


@pytest.mark.parametrize(
    ("target", "host", "port", "transport"),
    [
        ("10.0.0.1", "10.0.0.1", 161, "udp"),
        ("10.0.0.1:1161", "10.0.0.1", 1161, "udp"),
        ("udp://10.0.0.1", "10.0.0.1", 161, "udp"),
        ("tcp://sw1.example:1161", "sw1.example", 1161, "tcp"),
        ("[2001:db8::1]:1161", "2001:db8::1", 1161, "udp"),
        ("[2001:db8::1]", "2001:db8::1", 161, "udp"),
        ("2001:db8::1", "2001:db8::1", 161, "udp"),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.1", 161, "udp"),
    ],
)
def test_target_is_read_as_the_original_does(target: str, host: str, port: int, transport: str) -> None:
    wanted = endpoint_wanted(SETUP, PLUGINS[1], Query(urlencode({"target": target})))
    assert (wanted.host, wanted.port, wanted.transport) == (host, port, transport)


@given(st.dictionaries(st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True), st.text(max_size=20), max_size=4))
def test_labels_are_read_back_as_they_were_written(labels: dict[str, str]) -> None:
    assert labels_of(label_text(labels.items())) == labels
