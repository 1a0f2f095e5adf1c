"""The command line, the files and the answers of snmp_exporter, taken as they are."""

import argparse
import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from exporters.cli import COMMAND
from exporters.loading import Setup, Sources, load_setup
from exporters.probing.registry import installed
from heronwatch.errors import ConfigError
from tests.fakes.daemons import Daemon, free_port, snmp_exporter
from tests.fakes.exporter import ExporterProcess, exporter, run, until
from tests.fakes.newest import SNMP_EXPORTER, newest

NEW = """\
auths:
  public_v2: {version: 2, community: hunter2}
  ops: {version: 3, username: ops, security_level: authPriv, password: hunter3, auth_protocol: SHA,
        priv_protocol: AES, priv_password: hunter4}
modules:
  system: {walk: [1.3.6.1.2.1.1], metrics: [], retries: 0, timeout: 200ms}
  if_mib: {walk: [1.3.6.1.2.1.2], metrics: [], retries: 0, timeout: 200ms}
"""
OLD = """\
old_module:
  walk: [1.3.6.1.2.1.1]
  auth:
    community: hunter5  # and a comment that nobody need see
"""
EVERY_FLAG = (
    "--snmp.wrap-large-counters",
    "--snmp.source-address=127.0.0.1:",
    "--snmp.module-concurrency=4",
    "--snmp.debug-packets",
    "--config.expand-environment-variables",
    "--web.telemetry-path=/own-metrics",
    "--web.systemd-socket",
    "--web.config.file=",
    "--log.level=warn",
    "--log.format=json",
)


def setup_of(*files: Path, expand: bool = False) -> Setup:
    return load_setup(Sources(config_files=tuple(map(str, files)), expand_environment=expand), installed()[0])


def faults_of(*files: Path, expand: bool = False) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        setup_of(*files, expand=expand)
    return [str(fault).replace(f"{files[0].parent}/", "") for fault in caught.value.faults]


def written(folder: Path, **texts: str) -> list[Path]:
    for name, text in texts.items():
        (folder / f"{name}.yml").write_text(text)
    return [folder / f"{name}.yml" for name in texts]


def test_config_file_takes_every_form_and_patterns(tmp_path: Path) -> None:
    written(
        tmp_path, new=NEW, old=OLD, exporters="version: 1\ndevices: [{name: a, address: 10.0.0.1, protocol: snmp}]\n"
    )
    setup = setup_of(tmp_path / "*.yml")
    assert {"system", "old_module"} <= set(setup.modules["snmp"])
    assert "ops" in setup.credentials["snmp"]
    assert [device.name for device in setup.inventory.devices] == ["a"]
    assert setup.stands_in_for == ""


def test_ordinary_files_alone_stand_in_for_the_original(tmp_path: Path) -> None:
    assert setup_of(*written(tmp_path, new=NEW, old=OLD)).stands_in_for == "snmp"


def test_file_of_no_known_form_is_told(tmp_path: Path) -> None:
    assert faults_of(*written(tmp_path, prometheus="global: {}\nscrape_configs: []\n")) == [
        "prometheus.yml: is neither an exporters.yml, which says 'version: 1' at the top, nor an ordinary snmp.yml"
    ]


def test_faults_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    files = written(tmp_path, a="version: 1\ndevice: []\n", b="auths: {x: {communty: a}}\n", c="groups: []\n")
    told = "\n".join(faults_of(*files))
    for part in ("a.yml:2: device: unknown key", "b.yml:1: auths.x.communty: unknown key", "c.yml: is neither"):
        assert part in told


def test_config_page_shows_ordinary_files_without_secrets_and_comments(tmp_path: Path) -> None:
    shown = setup_of(*written(tmp_path, new=NEW, old=OLD)).masked
    assert "hunter" not in shown
    assert "nobody" not in shown
    assert shown.count("<secret>") == 4
    assert "username: ops" in shown
    assert f"# {tmp_path / 'new.yml'}\n" in shown


def test_environment_is_expanded_where_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RO", "seven")
    files = written(
        tmp_path,
        new=NEW.replace("hunter2", '"x-${RO}"').replace("username: ops", "username: $RO").replace("hunter3", "a$"),
        old=OLD.replace("hunter5", "'${RO}'"),
    )
    setup = setup_of(*files, expand=True)
    community = setup.credentials["snmp"]["public_v2"].value.community
    ops = setup.credentials["snmp"]["ops"].value
    assert (community.reveal(), ops.username, ops.password.reveal()) == ("x-seven", "seven", "a$")
    assert setup.modules["snmp"]["old_module"].plan.auth.community.reveal() == "seven"
    assert setup_of(*files).credentials["snmp"]["public_v2"].value.community.reveal() == "x-${RO}"


def test_missing_variable_is_a_fault_that_repeats_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HW_NONE", raising=False)
    text = NEW.replace("hunter2", '"${HW_NONE}"').replace("hunter3", "pa$sword").replace("hunter4", "a$$b")
    assert faults_of(*written(tmp_path, new=text), expand=True) == [
        "new.yml:2: auths.public_v2.community: environment variable HW_NONE is not set, or empty",
        "new.yml:3: auths.ops.password: environment variable named after a '$' in it is not set, or empty",
        (
            "new.yml:4: auths.ops.priv_password: a '$' in it is followed by what is no name of an environment "
            "variable; keep the whole value in one"
        ),
    ]


async def test_its_command_line_starts_us(tmp_path: Path) -> None:
    (config,) = written(tmp_path, snmp=NEW)
    port = free_port()
    async with exporter(tmp_path, f"--config.file={config}", *EVERY_FLAG, port=port) as server:
        log = [json.loads(line) for line in server.log().splitlines()]
        noted = {line["flag"] for line in log if line["msg"] == "a flag changes nothing here"}
        assert noted == {"--snmp.module-concurrency", "--web.systemd-socket"}
        for path in ("/metrics", "/own-metrics"):
            assert "heronwatch_build_info" in (await server.get(path))[1]
        assert (await server.get("/config"))[1].count("<secret>") == 3


async def test_port_alone_listens_everywhere_as_the_original_does(tmp_path: Path) -> None:
    (config,) = written(tmp_path, snmp=NEW)
    async with exporter(tmp_path, f"--config.file={config}", "--web.listen-address=:0") as server:
        told = "an ordinary snmp.yml alone: open to whoever reaches the port"  # of the second listener: after "ready"
        await until(lambda: told in server.log(), "the open port to be told")


async def test_ordinary_files_are_read_again_by_every_worker_or_by_none(tmp_path: Path) -> None:
    (config,) = written(tmp_path, snmp=NEW)
    async with exporter(tmp_path, f"--config.file={tmp_path}/*.yml", "--workers=2") as server:
        config.write_text(NEW.replace("system:", "renamed:"))
        assert (await server.post("/-/reload"))[0] == 200
        config.write_text("groups: []\n")
        status, told = await server.post("/-/reload")
        assert (status, "snmp.yml: is neither" in told) == (500, True)
        shown = {(await server.get("/config"))[1] for _ in range(10)}
        assert [("renamed:" in text, "groups" in text) for text in shown] == [(True, False)]


async def test_port_alone_needs_a_reason_with_devices_to_guard(tmp_path: Path) -> None:
    files = written(tmp_path, snmp=NEW, exporters="version: 1\n")
    status, _, err = await run("serve", *(f"--config.file={file}" for file in files), "--web.listen-address=:0")
    assert (status, "--web.insecure" in err) == (1, True)


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_port_in_use_is_told_with_its_address(tmp_path: Path, workers: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, _, err = await run("serve", f"--web.listen-address=127.0.0.1:{port}", f"--workers={workers}")
    told = f"cannot listen on 127.0.0.1:{port}: another program has the port; 'ss -ltnp' names it."
    assert (status, told in err) == (1, True), err


def command(*arguments: str) -> int:
    """Run it in this process."""
    parser = argparse.ArgumentParser()
    COMMAND.add_arguments(parser)
    return COMMAND.run(parser.parse_args(["serve", *arguments]))


def test_dry_run_checks_and_ends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = written(tmp_path, good=NEW, bad=NEW.replace("version: 3", "version: 4"))
    assert command(f"--config.file={good}", "--dry-run") == 0
    assert "the configuration is sound" in capsys.readouterr().err
    assert command(f"--config.file={bad}", "--dry-run") == 1
    assert f"{bad}:3: auths.ops.version: " in capsys.readouterr().err


@pytest.mark.parametrize("path", ["/snmp", "/probe", "/sd", "/-/ready", "metrics", "/{x}"])
def test_telemetry_path_that_cannot_be(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(f"--web.telemetry-path={path}", "--dry-run") == 2
    assert "--web.telemetry-path: " in capsys.readouterr().err


# -- beside the original ----------------------------------------------------------------------------------------------

SAME_STATUS = [
    "",
    "?target=",
    "?target=a&target=b",
    "?target=127.0.0.1:{port}&auth=public_v2&auth=public_v2",
    "?target=127.0.0.1:{port}&auth=nope",
    "?target=127.0.0.1:{port}&auth=",
    "?target=127.0.0.1:{port}&module=nope",
    "?target=127.0.0.1:{port}&module=system,nope",
    "?target=127.0.0.1:{port}&snmp_context=a&snmp_context=b",
    "?target=127.0.0.1:{port}&snmp_engineid=8000000001&snmp_engineid=8000000002",
    "?target=127.0.0.1:{port}&module=system&unknown=1",
    "?target=127.0.0.1:{port}&module=system,if_mib&module=system",
    "?target=tcp://127.0.0.1:{port}&module=system",
    "?target=no.such.host.invalid&module=system",
    "?target=[::1]:{port}&module=system",
]
OTHER_STATUS = {
    # what no device can be is the client's mistake here; the original tries it and answers 500
    "?target=http://127.0.0.1:{port}&module=system": (500, 400),
    "?target=127.0.0.1:99999&module=system": (500, 400),
    "?target=127.0.0.1:{port}&module=system&snmp_engineid=zz": (500, 400),
    # 0.30.1 answers 200 with nothing; its next release answers 400
    "?target=127.0.0.1:{port}&module=": (200, 400),
    "?target=127.0.0.1:{port}&module=,": (200, 400),
}


@pytest.fixture
def original(tmp_path: Path) -> Iterator[Daemon]:
    with newest(SNMP_EXPORTER, snmp_exporter(tmp_path, NEW)) as daemon:
        yield daemon


@pytest.mark.newest
@pytest.mark.timeout(300)
async def test_wrong_parameters_have_the_status_of_the_original(tmp_path: Path, original: Daemon) -> None:
    (config,) = written(tmp_path, ours=NEW)
    port = free_port()
    async with exporter(tmp_path, f"--config.file={config}") as server:
        found = {query: await _statuses(original, server, query, port) for query in (*SAME_STATUS, *OTHER_STATUS)}
    assert {query: pair for query, pair in found.items() if pair[0] != pair[1]} == OTHER_STATUS


async def _statuses(original: Daemon, server: ExporterProcess, query: str, port: int) -> tuple[int, int]:
    path = "/snmp" + query.format(port=port).replace("[", quote("[")).replace("]", quote("]"))
    theirs = await asyncio.to_thread(_status, original.url + path)
    return theirs, (await server.get(path))[0]


def _status(url: str) -> int:
    try:
        with urlopen(url, timeout=20) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code
