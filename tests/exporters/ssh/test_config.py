"""Modules and credentials of SSH: every fault with its remedy; scripts put together and taken apart."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.ssh.catalogue import builtin_modules
from exporters.ssh.credential import SshCredential
from exporters.ssh.decode import Trouble, samples_of
from exporters.ssh.module import CommandBlock, OutputFormat, SshModule
from exporters.ssh.platforms import LINUX
from exporters.ssh.script import Part, batch, commands_of, taken_apart
from exporters.ssh.simulator import new_key
from heronwatch.config import loads
from heronwatch.errors import ConfigError
from heronwatch.secrets import Secret

KEY = new_key()
ONE_OF = "give exactly one of known_hosts, host_key, insecure_host_key"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("commands: {a: {run: 'reboot', prints: date}}",
            "commands.a.run: it holds 'reboot', which may change the device; say allow_unsafe: true if it must"),
        ("commands: {a: {run: 'cat x > y', prints: date}}",
            "commands.a.run: it holds '>', which may change the device; say allow_unsafe: true if it must"),
        ("commands: {A-b: {run: 'true', prints: date}}",
            "commands.A-b: 'A-b' is no name of a command (a-z, 0-9 and '_', a letter first)"),
        ("commands: {a: {run: 'true', prints: proc_loadavrg}}",
            "commands.a.prints: 'proc_loadavrg' is not an output format (did you mean 'proc_loadavg'?)"),
        ("platform: vms\ncommands: {a: {run: 'true', prints: date}}",
            "platform: 'vms' is not a platform (known: linux)"),
        ("timeout: 0s\ncommands: {a: {run: 'true', prints: date}}", "timeout: must be more than 0"),
    ],
)  # fmt: skip
def test_wrong_module_is_named_with_its_remedy(text: str, fault: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loads(text, SshModule, file="exporters.yml")
    assert str(caught.value).split(": ", 1)[1] == fault


def test_unsafe_commands_run_when_the_module_says_so() -> None:
    text = "allow_unsafe: true\ncommands: {a: {run: 'kill -0 1', prints: date}}"
    assert loads(text, SshModule).value.commands["a"].run == "kill -0 1"


@pytest.mark.parametrize(
    "command",
    ["cat /proc/stat", "timeout 5 df -PkT", "cat x 2>/dev/null", "cat x 2>&1", "systemctl list-units --plain",
     "grep remove /var/log/x", "ls /etc/init.d"],
)  # fmt: skip
def test_reading_commands_pass(command: str) -> None:
    assert LINUX.objection(command) is None


@pytest.mark.parametrize(
    "command",
    ["rm -rf /", "/bin/rm x", "echo a | tee b", "systemctl restart x", "a; reboot", "x && shutdown -h now",
     "cat a >> b", "cat a >/dev/null/../sda", "$(wget http://x)", "`poweroff`",
     "cat x >/dev/nullx; rm y", "sudo cat /etc/shadow", "REBOOT"],
)  # fmt: skip
def test_changing_commands_are_refused(command: str) -> None:
    assert LINUX.objection(command) is not None


def test_every_shipped_module_only_reads() -> None:
    for module in builtin_modules().values():
        for command in module.plan.commands.values():
            assert LINUX.objection(command.run) is None


def credential(tmp_path: Path, text: str) -> SshCredential:
    (tmp_path / "id").write_text(KEY.private)
    (tmp_path / "known_hosts").write_text(f"10.0.0.1 {KEY.public}\n")
    return loads(text, SshCredential, file=str(tmp_path / "exporters.yml")).value


def test_credential_by_key_and_known_hosts(tmp_path: Path) -> None:
    found = credential(tmp_path, "username: mon\nprivate_key: {file: id}\nknown_hosts: known_hosts")
    assert found.private_key == Secret(KEY.private.rstrip("\n"))
    assert found.known_hosts == tmp_path / "known_hosts"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("username: mon\nknown_hosts: known_hosts", "private_key: give a private_key or a password"),
        ("username: mon\nprivate_key: {file: id}",
            f"known_hosts: {ONE_OF}; found none"),
        ("username: mon\nprivate_key: {file: id}\nknown_hosts: known_hosts\ninsecure_host_key: true",
            f"insecure_host_key: {ONE_OF}; found known_hosts and insecure_host_key"),
        ("username: mon\nprivate_key: {file: known_hosts}\nknown_hosts: known_hosts",
            "private_key: the private key cannot be read: Invalid private key"),
        ("username: mon\nprivate_key: {file: id}\nhost_key: ssh-ed25519 nonsense",
            "host_key: not a public key such as 'ssh-ed25519 AAAA…': Invalid public key"),
        ("username: mon\nprivate_key: {file: id}\nknown_hosts: nosuch",
            "known_hosts: the known_hosts file cannot be read: "),
        ("username: mon\npassword: {file: id}\npassphrase: {file: id}\nknown_hosts: known_hosts",
            "passphrase: a passphrase without a private_key opens nothing"),
    ],
)  # fmt: skip
def test_wrong_credential_is_named_with_its_remedy(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(ConfigError) as caught:
        credential(tmp_path, text)
    assert str(caught.value).split(": ", 1)[1].startswith(fault)
    assert len(caught.value.faults) == 1


def test_script_names_its_commands() -> None:
    commands = [("a", "cat /proc/a"), ("b", "x; y\nz")]
    assert commands_of(batch(commands, "@@1")) == [("@@1", "a", "cat /proc/a"), ("@@1", "b", "x; y\nz")]


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("", {}),
        ("Welcome!\n", {}),
        ("\n@@1 begin a\nx\n\n@@1 end 0\n", {"a": Part("x\n", 0)}),
        ("\n@@1 begin a\nx\n\n@@1 end 7\n\n@@1 begin b\n\n@@1 end 0\n", {"a": Part("x\n", 7), "b": Part("", 0)}),
        ("\n@@1 begin a\nx\n", {"a": Part("x\n", None)}),
        ("\n@@1 begin a\n\n@@2 end 0\nx\n\n@@1 end 0\n", {"a": Part("\n@@2 end 0\nx\n", 0)}),  # another's mark is text
    ],
)
def test_output_is_taken_apart(output: str, expected: dict[str, Part]) -> None:
    assert taken_apart(output, "@@1") == expected


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_output_is_taken_apart(output: str) -> None:
    for part in taken_apart(f"\n@@1 begin a\n{output}", "@@1").values():
        assert part.status is None or part.status >= 0


LOADAVG = CommandBlock(run="cat /proc/loadavg", prints=OutputFormat.PROC_LOADAVG)
OPTIONAL = CommandBlock(run="cat /proc/loadavg", prints=OutputFormat.PROC_LOADAVG, optional=True)


@pytest.mark.parametrize(
    ("command", "part", "count", "trouble"),
    [
        (LOADAVG, Part("1 2 3 x\n", 0), 3, None),
        (LOADAVG, Part("1 2 3 x\n", 1), 3, None),  # df ends with 1 over one unreadable mount; the rest is good
        (LOADAVG, Part("", 127), 0, Trouble("decode", "load: nothing in its output is proc_loadavg (no such command)")),
        (LOADAVG, Part("?", 0), 0, Trouble("decode", "load: nothing in its output is proc_loadavg (exit status 0)")),
        (LOADAVG, Part("1 2 3 x\n", 124), 3, Trouble("timeout", "load: it took too long")),
        (LOADAVG, Part("1 2", None), 2, Trouble("decode", "load: the output broke off before its end")),
        (LOADAVG, None, 0, Trouble("decode", "load: the output broke off before its end")),
        (OPTIONAL, Part("", 1), 0, None),
        (OPTIONAL, Part("", 124), 0, Trouble("timeout", "load: it took too long")),
    ],
)
def test_trouble_of_a_command(command: CommandBlock, part: Part | None, count: int, trouble: Trouble | None) -> None:
    [(_, samples, found)] = samples_of({"load": command}, {"load": part} if part else {})
    assert (len(samples), found) == (count, trouble)
