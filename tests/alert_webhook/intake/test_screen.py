"""Whose large bodies are read: those of senders who are let in; of strangers none."""

from typing import Any

import pytest
from werkzeug.test import EnvironBuilder

from alert_webhook.config import Integration
from alert_webhook.intake.blocks import ClientCertificateBlock, SignatureBlock
from alert_webhook.intake.endpoint import ELSEWHERE_BYTES, SIGNED_BYTES, screen
from heronwatch.secrets import Secret
from heronwatch.values import ByteSize
from tests.fakes.webhook_stack import TOKEN, Stack, config

MOST = 8 << 20
SIGNED = SignatureBlock(secrets=(Secret("0123456789abcdef"),))
CERTIFICATE = ClientCertificateBlock(subjects=("CN=am",))
RIGHT, WRONG = {"Authorization": f"Bearer {TOKEN}"}, {"Authorization": "Bearer wrong"}
CN = {"subject": ((("commonName", "am"),),)}
ASKED: list[tuple[str, dict[str, str], dict[str, Any], int]] = [  # path, headers, environ → bytes
    ("/api/v1/intake/alertmanager/am", RIGHT, {}, MOST),
    ("/api/v1/intake/alertmanager/am/", RIGHT, {}, MOST),
    ("/api/v1/intake/alertmanager/am", WRONG, {}, 0),
    ("/api/v1/intake/alertmanager/am", {}, {}, 0),
    ("/api/v1/intake/alertmanager/am?token=" + TOKEN, {}, {}, 0),
    ("/api/v1/intake/alertmanager/query?token=" + TOKEN, {}, {}, MOST),
    ("/api/v1/intake/alertmanager/query?token=wrong", {}, {}, 0),
    ("/api/v1/intake/grafana/am", RIGHT, {}, 0),
    ("/api/v1/intake/alertmanager/nobody", RIGHT, {}, 0),
    ("/api/v1/intake/", RIGHT, {}, 0),
    ("/api/v1/intake/grafana/signed", {}, {}, SIGNED_BYTES),
    ("/api/v1/intake/grafana/both", {}, {}, 0),
    ("/api/v1/intake/grafana/both", RIGHT, {}, MOST),
    ("/api/v1/intake/alertmanager/shown", {}, {"heronwatch.peer_certificate": CN}, MOST),
    ("/api/v1/intake/alertmanager/shown", {}, {}, 0),
    ("/login", {}, {}, ELSEWHERE_BYTES),
    ("/api/v1/incidents/K7QF/notes", WRONG, {}, ELSEWHERE_BYTES),
]


@pytest.mark.parametrize(("path", "headers", "environ", "most"), ASKED)
def test_how_much_is_read(stack: Stack, path: str, headers: dict[str, str], environ: dict[str, Any], most: int) -> None:
    common = {"policy": "default", "max_body": ByteSize(MOST)}
    tokens = (Secret(TOKEN),)
    stack.settings = config(
        integrations={
            "am": Integration(tokens=tokens, **common),
            "query": Integration(tokens=tokens, token_in_query=True, **common),
            "signed": Integration(type="grafana", signature=SIGNED, **common),
            "both": Integration(type="grafana", signature=SIGNED, tokens=tokens, **common),
            "shown": Integration(client_certificate=CERTIFICATE, **common),
        }
    )
    asked = EnvironBuilder(path, method="POST", headers=headers).get_environ()
    assert screen(stack.intake, stack.parts.settings)({**asked, **environ}) == most
