"""The web config format: what promtool takes, what both refuse, and what Python cannot do is never weakened."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization

from heronwatch.config import loads
from heronwatch.errors import ConfigError
from heronwatch.schema import json_schema
from heronwatch.web_format import WebConfig
from heronwatch.webconfig import WebConfigFile
from tests.fakes.certificates import Authority
from tests.fakes.daemons import find_binary

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "docs" / "examples" / "web-config").glob("*.yml"))
BAD = sorted((ROOT / "tests" / "bad_config" / "web").glob("*.yml"))
OURS_ALONE = "own_"  # the exporter-toolkit takes these; what Python's ssl or HTTP cannot do, we refuse
NEWER = "new_"  # keys that promtool 2.42 does not know yet
HASH = "$2y$10$abcdefghijklmnopqrstuuFWlsDXmd6Q1J6XjHyKEFnXGVUYC4LkO"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the examples and the bad files name."""
    folder = tmp_path_factory.mktemp("web")
    authority = Authority(folder, "clients-ca")
    _, key = authority.issue("server")
    authority.issue("other")
    (folder / "not-pem.txt").write_text("hello\n")
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    encryption = serialization.BestAvailableEncryption(b"x")
    (folder / "encrypted.key").write_bytes(
        private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    )
    return folder


def placed(source: Path, folder: Path) -> Path:
    return Path(shutil.copy(source, folder / source.name))


def promtool_accepts(path: Path) -> bool:
    promtool = find_binary("promtool", "prometheus")
    done = subprocess.run([promtool, "check", "web-config", str(path)], capture_output=True, timeout=50, check=False)
    return done.returncode == 0


def faults(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        loads(text, WebConfig, file="web.yml")
    return str(caught.value)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_promtool_and_we_accept_each_example(example: Path, folder: Path) -> None:
    path = placed(example, folder)
    assert WebConfigFile(path).authenticates
    assert promtool_accepts(path)


def test_there_are_examples_and_bad_files() -> None:
    assert len(EXAMPLES) >= 4
    assert len(BAD) >= 30


@pytest.mark.parametrize("bad", BAD, ids=lambda path: path.stem)
def test_bad_file_is_refused_with_its_text(bad: Path, folder: Path) -> None:
    path = placed(bad, folder)
    with pytest.raises(ConfigError) as caught:
        WebConfigFile(path)
    assert str(caught.value).replace(f"{folder}/", "") + "\n" == bad.with_suffix(".txt").read_text()


@pytest.mark.parametrize("bad", BAD, ids=lambda path: path.stem)
def test_promtool_refuses_it_too_unless_only_we_have_to(bad: Path, folder: Path) -> None:
    assert promtool_accepts(placed(bad, folder)) == bad.name.startswith(OURS_ALONE)


def test_every_key_is_understood() -> None:
    text = f"""
        tls_server_config:
          cert: "-----BEGIN CERTIFICATE-----"
          key: "-----BEGIN PRIVATE KEY-----"
          client_auth_type: RequireAndVerifyClientCert
          client_ca_file: ca.pem
          client_allowed_sans: [prometheus.example, 10.0.0.1]
          min_version: TLS12
          max_version: TLS13
          cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]
          prefer_server_cipher_suites: false
          curve_preferences: [X25519]
        http_server_config:
          http2: true
          headers: {{X-Frame-Options: sameorigin}}
        basic_auth_users: {{ana: "{HASH}"}}
        rate_limit: {{interval: 100ms, burst: 20}}
    """
    value = loads(text, WebConfig).value
    assert value.tls is not None
    assert value.tls.client_allowed_sans == ("prometheus.example", "10.0.0.1")
    assert (value.rate_limit.interval, value.rate_limit.burst) == (0.1, 20)


def test_a_key_or_a_hash_is_never_printed() -> None:
    text = f'tls_server_config: {{cert: C, key: "-----BEGIN KEY topsecret"}}\nbasic_auth_users: {{ana: "{HASH}"}}\n'
    loaded = loads(text, WebConfig)
    for shown in (repr(loaded.value), str(loaded.value)):
        assert "topsecret" not in shown
        assert HASH not in shown


def test_a_bad_hash_is_not_repeated_in_the_message() -> None:
    assert "hunter2" not in faults("basic_auth_users: {ana: hunter2}")


def test_header_that_would_split_a_response_is_refused() -> None:
    text = 'http_server_config: {headers: {Content-Security-Policy: "a\\r\\nSet-Cookie: b"}}'
    assert "control character" in faults(text)


def test_an_empty_tls_section_leaves_tls_off() -> None:
    assert loads("tls_server_config: {}", WebConfig).value.tls is None


def test_a_schema_for_editors_lists_every_section() -> None:
    text = str(json_schema(WebConfig))
    for key in ("tls_server_config", "http_server_config", "basic_auth_users", "rate_limit", "client_allowed_sans"):
        assert key in text


def keys(cls: type) -> set[str]:
    """Every key of a section, with those of the sections in it."""
    found: set[str] = set()
    for field in msgspec.structs.fields(cls):
        inner = [one for one in (field.type, *get_args(field.type)) if isinstance(one, type)]
        sections = [one for one in inner if issubclass(one, msgspec.Struct)]
        found |= {field.encode_name}.union(*(keys(section) for section in sections))
    return found


def test_the_documentation_names_every_key() -> None:
    text = (ROOT / "docs" / "web-config.md").read_text()
    assert {key for key in keys(WebConfig) if not re.search(rf"\b{key}\b", text)} == set()
    assert len(keys(WebConfig)) > 15


def test_the_documentation_names_every_example() -> None:
    text = (ROOT / "docs" / "web-config.md").read_text()
    assert [path.name for path in EXAMPLES if f"examples/web-config/{path.name}" not in text] == []
