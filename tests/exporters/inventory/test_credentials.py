"""Where credentials may be sent: bound and unbound, every spelling of an address."""

import pytest

from exporters.inventory.credentials import Circumstances, may_send, narrowest
from exporters.probing.collector import Credential
from heronwatch.values import Network

UNBOUND = Credential(name="public_v2", value=None, bound=False)
BY_DEVICE_ONLY = Credential(name="plant", value=None)
ROUTE = Circumstances(private_allowed=True)


def network(text: str) -> Network:
    return Network.parse(text)


TEN = Credential(name="ten", value=None, networks=(network("10.0.0.0/8"), network("fd00::/8")))


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("10.0.0.1", True),
        ("172.31.255.255", True),
        ("172.32.0.0", False),
        ("192.168.1.1", True),
        ("127.0.0.1", True),
        ("::1", True),
        ("fd12::1", True),
        ("::ffff:10.0.0.1", True),
        ("::ffff:8.8.8.8", False),
        ("8.8.8.8", False),
        ("2001:db8::1", False),
        ("2002:0a00:0001::1", False),  # 6to4 of 10.0.0.1: leaves by a relay
        ("64:ff9b::a00:1", False),  # NAT64
        ("169.254.169.254", False),  # cloud metadata
        ("fe80::1", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("::", False),
        ("::ffff:0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("ff02::1", False),
    ],
)
def test_unbound_credential_goes_to_private_and_loopback_addresses(address: str, *, allowed: bool) -> None:
    assert may_send(UNBOUND, address, ROUTE).allowed is allowed


@pytest.mark.parametrize(
    "circumstances",
    [
        Circumstances(private_allowed=True, allowed=(network("8.8.0.0/16"),)),
        Circumstances(private_allowed=True, listed=True),
        Circumstances(private_allowed=True, any_target=True),
    ],
)
def test_unbound_credential_goes_where_a_person_said(circumstances: Circumstances) -> None:
    assert may_send(UNBOUND, "8.8.8.8", circumstances).allowed


@pytest.mark.parametrize("address", ["0.0.0.0", "224.0.0.1", "ff02::1"])
def test_nothing_is_sent_to_what_is_no_device(address: str) -> None:
    everything = Circumstances(private_allowed=True, any_target=True, listed=True, by_device=True)
    assert not may_send(UNBOUND, address, everything).allowed


def test_refusal_says_what_to_do() -> None:
    decision = may_send(UNBOUND, "8.8.8.8", Circumstances(private_allowed=True, remedy="list it"))
    assert decision.reason == ("8.8.8.8 is neither private, nor a listed device, nor in an allowed network: list it")


@pytest.mark.parametrize(
    ("address", "allowed"), [("10.9.9.9", True), ("::ffff:10.9.9.9", True), ("fd00::9", True), ("192.168.0.1", False)]
)
def test_bound_credential_stays_inside_its_networks(address: str, *, allowed: bool) -> None:
    wide_open = Circumstances(private_allowed=True, any_target=True, listed=True, allowed=(network("0.0.0.0/0"),))
    assert may_send(TEN, address, wide_open).allowed is allowed


def test_name_of_a_device_that_resolves_elsewhere_gets_no_bound_credential() -> None:
    decision = may_send(TEN, "192.168.0.1", Circumstances(by_device=True))
    assert decision.reason == "credential 'ten' is bound to its networks; it is not sent to 192.168.0.1"


def test_credential_without_networks_goes_to_its_devices_only() -> None:
    assert may_send(BY_DEVICE_ONLY, "8.8.8.8", Circumstances(by_device=True)).allowed
    refused = may_send(BY_DEVICE_ONLY, "10.0.0.1", ROUTE)
    assert refused.reason == "credential 'plant' is bound to the devices that name it; it is not sent to 10.0.0.1"


def test_no_credential_at_all_still_needs_a_listed_or_allowed_address() -> None:
    assert not may_send(None, "127.0.0.1", Circumstances()).allowed
    assert may_send(None, "127.0.0.1", Circumstances(allowed=(network("127.0.0.0/8"),))).allowed
    assert may_send(None, "127.0.0.1", Circumstances(by_device=True)).allowed


def test_narrowest_network_chooses_the_credential() -> None:
    site = Credential(name="site", value=None, networks=(network("10.1.0.0/16"),))
    assert narrowest([TEN, site], "10.1.2.3") is site
    assert narrowest([TEN, site], "10.2.2.3") is TEN
    assert narrowest([TEN, site], "192.168.0.1") is None
