"""Client certificates of senders, shown directly over TLS or told by a proxy."""

import http.client
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from alert_webhook.app import OWN_AUTH, main_app
from alert_webhook.config import Integration
from alert_webhook.intake.blocks import ClientCertificateBlock
from alert_webhook.intake.certificates import fault, subject_of
from heronwatch.httpd_wsgi import WsgiServer, common_pages
from heronwatch.secrets import Secret
from heronwatch.site import SiteOptions
from heronwatch.telemetry import Telemetry
from heronwatch.values import HostPort, Network
from tests.fakes.web_place import MUTUAL, OPTIONAL, Place, users
from tests.fakes.webhook_stack import TOKEN, Stack, config

one_database = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)  # it does not matter which
PATH = "/api/v1/intake/alertmanager/am"
BODY = b'{"version": "4", "groupKey": "g", "alerts": []}'
HEADER = "X-Client-Subject"
SUBJECT = "CN=am, O=Example"
BLOCK = ClientCertificateBlock(names=("am.example.org",), subjects=(SUBJECT,))
BEHIND = ClientCertificateBlock(
    names=("am.example.org",), subjects=(SUBJECT,), header=HEADER, proxies=(Network.parse("10.1.0.0/16"),)
)
PROXY, STRANGER = "10.1.2.3", "10.2.2.3"


def shown(*names: str, **subject: str) -> Mapping[str, Any]:
    """A certificate as `getpeercert()` gives it, the most general part of the subject first."""
    parts = tuple(((name, value),) for name, value in subject.items())
    return {"subject": parts, "subjectAltName": tuple(("DNS", name) for name in names)}


AM = shown(organizationName="Example", commonName="am")
CASES: list[tuple[str, ClientCertificateBlock, dict[str, str], str, Any, bool]] = [
    ("a name", BLOCK, {}, STRANGER, shown("other", "am.example.org"), True),
    ("the subject", BLOCK, {}, STRANGER, AM, True),
    ("no certificate", BLOCK, {}, STRANGER, None, False),
    ("another's", BLOCK, {}, STRANGER, shown("b.example.org", organizationName="Example", commonName="b"), False),
    ("a part of the subject", BLOCK, {}, STRANGER, shown(commonName="am"), False),
    ("more than the subject", BLOCK, {}, STRANGER, shown(organizationName="Example", commonName="am", x="y"), False),
    ("a name that is the common name only", BLOCK, {}, STRANGER, shown(commonName="am.example.org"), False),
    ("a header where none is configured", BLOCK, {HEADER: SUBJECT}, PROXY, None, False),
    ("the proxy's word", BEHIND, {HEADER: "CN=am,O=Example"}, PROXY, None, True),
    ("the proxy's word, a name", BEHIND, {HEADER: "am.example.org"}, PROXY, None, True),
    ("the proxy over IPv6", BEHIND, {HEADER: SUBJECT}, f"::ffff:{PROXY}", None, True),
    ("the proxy says nothing", BEHIND, {}, PROXY, None, False),
    ("the proxy says nothing about its own certificate", BEHIND, {}, PROXY, AM, False),
    ("the proxy's word is empty", BEHIND, {HEADER: " "}, PROXY, None, False),
    ("the proxy names another", BEHIND, {HEADER: "CN=b,O=Example"}, PROXY, None, False),
    ("the header twice", BEHIND, {HEADER: f"CN=b, {SUBJECT}"}, PROXY, None, False),
    ("a stranger's header", BEHIND, {HEADER: SUBJECT}, STRANGER, None, False),
    ("an unknown address", BEHIND, {HEADER: SUBJECT}, "", None, False),
    ("a stranger with a header and a certificate", BEHIND, {HEADER: "CN=b"}, STRANGER, AM, True),
]


@pytest.mark.parametrize(
    ("block", "headers", "remote", "certificate", "right"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_whose_certificate_it_is(
    block: ClientCertificateBlock, headers: dict[str, str], remote: str, certificate: Any, right: bool
) -> None:
    assert (fault(block, headers.get, remote=remote, certificate=certificate) == "") is right


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("CN=am,O=Example", ("CN=am", "O=Example")),
        (" cn = am , o=Example ", ("CN=am", "O=Example")),
        (r"CN=a\,b,O=x", ("CN=a,b", "O=x")),
        (r"CN=a\\,O=x", ("CN=a\\", "O=x")),
        (r"CN=Caf\C3\A9", ("CN=Café",)),
        (r"CN=\FF", ("CN=�",)),
        ("", ()),
        (",,", ()),
        ("\\", ()),
    ],
)
def test_subjects_in_parts(text: str, parts: tuple[str, ...]) -> None:
    assert subject_of(text) == parts


@contextmanager
def serving(stack: Stack, place: Place, web_config: str, integration: Integration) -> Iterator[WsgiServer]:
    """The webhook behind a web config, over a real socket."""
    stack.settings = config(integrations={"am": integration})
    site = SiteOptions(title="t", version="0", telemetry=Telemetry("webhook", "0"), own_auth=OWN_AUTH)
    web = place.web(web_config)
    app = common_pages(main_app(stack.parts, stack.intake), site, web=web)
    server = WsgiServer(app, listen=HostPort("127.0.0.1", 0), web=web, threads=4)
    server._server.expiration_interval = 0.05  # how often it looks whether it is to stop
    server.start()
    try:
        yield server
    finally:
        server.stop()


def post(server: WsgiServer, context: Any, **headers: str) -> int:
    with closing(http.client.HTTPSConnection("localhost", server.port, context=context, timeout=20)) as connection:
        connection.request("POST", PATH, BODY, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status


@one_database
def test_a_certificate_over_tls_is_enough_and_another_is_not(stack: Stack, tmp_path: Path) -> None:
    """Beside the users of the web config, whom senders are not."""
    place = Place(tmp_path)
    with serving(
        stack, place, OPTIONAL + users(maria="x"), Integration(client_certificate=BLOCK, policy="default")
    ) as server:
        assert post(server, place.client("am.example.org")) == 200
        assert post(server, place.client("b.example.org")) == 401
        assert post(server, place.client()) == 401
        assert post(server, place.client(), **{HEADER: SUBJECT}) == 401


@one_database
def test_a_subject_over_tls(stack: Stack, tmp_path: Path) -> None:
    place = Place(tmp_path)
    leaf = place.clients._ca.issue_cert("x", common_name="am", organization_name="Ex, ample")
    context = place.client()
    leaf.configure_cert(context)
    unit = _organizational_unit(leaf)
    block = ClientCertificateBlock(subjects=(f"CN=am,OU={unit},O=Ex\\, ample",))
    with serving(stack, place, MUTUAL, Integration(client_certificate=block, policy="default")) as server:
        assert post(server, context) == 200
        assert post(server, place.client("am")) == 401


def _organizational_unit(leaf: trustme.LeafCert) -> str:
    """What trustme puts into a subject besides what it is asked for."""
    from cryptography import x509

    certificate = x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes())
    return str(certificate.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATIONAL_UNIT_NAME)[0].value)


@one_database
def test_token_and_certificate_are_both_wanted_where_both_are_configured(stack: Stack, tmp_path: Path) -> None:
    place = Place(tmp_path)
    both = Integration(tokens=(Secret(TOKEN),), client_certificate=BLOCK, policy="default")
    with serving(stack, place, OPTIONAL, both) as server:
        right, bearer = place.client("am.example.org"), {"Authorization": f"Bearer {TOKEN}"}
        assert post(server, right, **bearer) == 200
        assert post(server, right) == 401
        assert post(server, place.client(), **bearer) == 401


@one_database
def test_a_header_of_a_listed_proxy_and_its_odd_spelling(stack: Stack, tmp_path: Path) -> None:
    place = Place(tmp_path)
    block = ClientCertificateBlock(subjects=(SUBJECT,), header=HEADER, proxies=(Network.parse("127.0.0.0/8"),))
    with serving(stack, place, OPTIONAL, Integration(client_certificate=block, policy="default")) as server:
        assert post(server, place.client(), **{HEADER: "CN=am,O=Example"}) == 200
        assert post(server, place.client(), X_Client_Subject=SUBJECT) == 401  # the same name to WSGI
