"""A command that only reads, or changes what is there, makes no database where there is none."""

from collections.abc import Callable
from pathlib import Path

import pytest

from alert_webhook import accounts_command as accounts
from alert_webhook.administration import Terminal
from alert_webhook.audit_command import audit_verify
from alert_webhook.backup_command import backup
from alert_webhook.rights import Role
from alert_webhook.shadow.command import show
from alert_webhook.trial_page_command import Asked, Waiting, trial_page
from tests.fakes.clock import FakeClock
from tests.fakes.webhook_process import TOKEN, write_config

COMMANDS: dict[str, Callable[[list[str], Terminal, Path], int]] = {
    "audit verify": lambda files, terminal, _: audit_verify(files, "", terminal),
    "shadow": lambda files, terminal, _: show(files, "2026-03-01", as_json=False, terminal=terminal, clock=FakeClock()),
    "user list": lambda files, terminal, _: accounts.list_users(files, terminal),
    "user role": lambda files, terminal, _: accounts.set_role(files, "ana", Role.ADMIN, terminal),
    "user remove": lambda files, terminal, _: accounts.remove_user(files, "ana", terminal),
    "key add": lambda files, terminal, _: accounts.add_key(files, "grafana", ["read"], 30, terminal),
    "key list": lambda files, terminal, _: accounts.list_keys(files, terminal),
    "key revoke": lambda files, terminal, _: accounts.revoke_key(files, 1, terminal),
    "backup": lambda files, terminal, folder: backup(files, folder / "b.gz", terminal),
    "test": lambda files, terminal, _: trial_page(files, Asked(to="ana"), terminal, Waiting()),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_no_database_is_said_and_none_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("INTAKE_TOKEN", TOKEN)
    config, lines = write_config(tmp_path, "http://127.0.0.1:9/"), list[str]()
    status = COMMANDS[name]([str(config)], Terminal(say=lines.append, warn=lines.append), tmp_path)
    assert (status, lines) == (1, [f"there is no database at {tmp_path}/webhook.db"])
    assert [path.name for path in tmp_path.iterdir()] == ["webhook.yml"]


def test_the_first_user_makes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTAKE_TOKEN", TOKEN)
    files, lines = [str(write_config(tmp_path, "http://127.0.0.1:9/"))], list[str]()
    terminal = Terminal(say=lines.append, warn=lines.append)
    assert accounts.add_user(files, "ana", "correct horse battery", terminal) == 0
    assert accounts.list_users(files, terminal) == 0
    assert lines == ["user ana saved", "ana\tresponder"]
