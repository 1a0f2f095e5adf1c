"""`heronwatch doctor`: what is here, what is not, and how to get it."""

import json

import pytest

from heronwatch.cli import main
from heronwatch.doctor import Finding, examine, missing_essentials, report


def nothing(_name: str) -> None:
    return None


def test_missing_essentials_are_named_with_how_to_get_them() -> None:
    findings = examine(find=nothing)
    assert missing_essentials(findings) == ["Prometheus", "promtool", "Alertmanager"]
    text = report(findings)
    assert "MISSING  Prometheus" in text
    assert "apt-get install --no-install-recommends prometheus" in text
    assert text.endswith("The main job needs: Prometheus, promtool, Alertmanager.")


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        ("prometheus, version 2.42.0+ds (branch: debian/sid)", "2.42.0"),
        ("prometheus, version 3.5.3 (branch: HEAD)", "3.5.3"),
        ("OpenSSH_9.2p1 Debian-2+deb12u6, OpenSSL 3.0.16", "9.2"),
        ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", "15.18"),
        ("NET-SNMP version:  5.9.3", "5.9.3"),
        ("", ""),
    ],
)
def test_version_is_read_from_what_programs_print(answer: str, version: str) -> None:
    (first, *_rest) = examine(find=lambda name: f"/bin/{name}", ask=lambda _path, _flag: answer)
    assert first.version == version


def test_known_limits_are_said() -> None:
    first = examine(find=lambda name: f"/bin/{name}", ask=lambda _path, _flag: "prometheus, version 2.42.0")[0]
    assert first.state == "limited"
    assert "future" in first.note


def test_command_prints_json_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["doctor", "--json"])
    findings = [Finding(**item) for item in json.loads(capsys.readouterr().out)]
    assert {"Prometheus", "extra [snmp]"} <= {finding.what for finding in findings}
    assert status == (3 if missing_essentials(findings) else 0)
