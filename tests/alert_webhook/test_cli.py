"""The command as people start it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.fakes.daemons import free_port, wait_until
from tests.fakes.forked_command import heronwatch
from tests.fakes.webhook_process import TOKEN, Sink, webhook, write_config

HERONWATCH = (sys.executable, "-m", "heronwatch", "webhook")
ENV = {**os.environ, "INTAKE_TOKEN": TOKEN}


def run(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return heronwatch("webhook", *arguments, stdin=stdin, env={**ENV, **environment})


def test_check_says_ok(tmp_path: Path) -> None:
    command = [*HERONWATCH, "check", "--config.file", str(write_config(tmp_path, "http://127.0.0.1:9/"))]
    done = subprocess.run(command, env=ENV, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stdout) == (0, "ok: 1 integration(s), 1 person(s), 1 policy(s), 1 channel(s)\n")


def test_check_prints_every_fault_and_exits_1(tmp_path: Path) -> None:
    config = write_config(tmp_path, "http://127.0.0.1:9/")
    config.write_text(config.read_text().replace("type: webhook", "type: webhok").replace("lease: 2s", "lease: 2"))
    done = run("check", "--config.file", str(config))
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"{config}:12: channels.hook.type: 'webhok' is not a type (did you mean 'webhook'?)",
        f"{config}:13: delivery.lease: '2' is not a duration: a unit is missing, as in 2s",
    ]


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    done = run("all", "--config.file", str(tmp_path / "nowhere.yml"))
    assert done.returncode == 1
    assert "nowhere.yml" in done.stderr


def test_users_are_added_from_stdin_or_the_environment_and_listed(tmp_path: Path) -> None:
    config = str(write_config(tmp_path, "http://127.0.0.1:9/"))
    first = run("user", "add", "ana", "--config.file", config, stdin="correct horse battery\n")
    assert (first.returncode, first.stdout) == (0, "user ana saved\n")
    added = run("user", "add", "ben", "--password-env", "PW", "--config.file", config, PW="another long password")
    assert added.returncode == 0
    assert run("user", "role", "ben", "viewer", "--config.file", config).returncode == 0
    assert run("user", "list", "--config.file", config).stdout == "ana\tresponder\nben\tviewer\n"
    assert run("user", "remove", "ben", "--config.file", config).returncode == 0
    gone = run("user", "remove", "ben", "--config.file", config)
    assert (gone.returncode, gone.stderr) == (1, "there is no user ben\n")


def test_a_token_is_shown_once_and_its_digest_lets_the_sender_in(tmp_path: Path) -> None:
    made = run("token", "am")
    token, digest = made.stdout.strip(), made.stderr.split("- ")[1].split("  #")[0]
    assert token.startswith("hwi_")
    assert digest.startswith("sha256:")
    config = write_config(tmp_path, "http://127.0.0.1:9/")
    config.write_text(config.read_text().replace("{env: INTAKE_TOKEN}", f'"{digest}"'))
    checked = run("check", "--config.file", str(config))
    assert (checked.returncode, "as text" in checked.stderr) == (0, False)  # a digest is no secret
    with webhook(config) as daemon:
        url = f"{daemon.url}/api/v1/intake/alertmanager/am"
        body, given = '{"version": "4", "groupKey": "g", "alerts": []}', (token, TOKEN)
        sent = [requests.post(url, body, headers={"Authorization": f"Bearer {t}"}, timeout=20) for t in given]
    assert [answer.status_code for answer in sent] == [200, 401]


def test_keys_are_made_listed_and_revoked(tmp_path: Path) -> None:
    config = str(write_config(tmp_path, "http://127.0.0.1:9/"))
    assert run("user", "add", "ana", "--config.file", config, stdin="correct horse battery\n").returncode == 0
    made = run("key", "add", "grafana", "--scope", "read", "--days", "30", "--config.file", config)
    key = made.stdout.strip()
    assert (made.returncode, key.startswith("hwk_")) == (0, True)
    listed = run("key", "list", "--config.file", config).stdout
    assert listed.startswith(f"1\t{key.rpartition('_')[0][:12]}\tgrafana\tread\tuntil ")
    assert key not in listed
    assert run("key", "revoke", "1", "--config.file", config).returncode == 0
    assert "\trevoked " in run("key", "list", "--config.file", config).stdout
    assert run("key", "revoke", "1", "--config.file", config).returncode == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("x", "--scope", "odd"), "invalid choice"), (("x", "--scope", "read", "--days", "0"), "lives 1 to 400 days")],
)
def test_a_wrong_key_is_not_made(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    config = str(write_config(tmp_path, "http://127.0.0.1:9/"))
    done = run("key", "add", *arguments, "--config.file", config)
    assert (done.returncode, words in done.stderr) == (2, True)


@pytest.mark.parametrize("password", ["", "short"])
def test_a_short_password_is_refused(tmp_path: Path, password: str) -> None:
    config = str(write_config(tmp_path, "http://127.0.0.1:9/"))
    done = run("user", "add", "ana", "--config.file", config, stdin=f"{password}\n")
    assert (done.returncode, "at least 10 characters" in done.stderr) == (2, True)


def test_a_password_variable_that_is_not_set_is_named(tmp_path: Path) -> None:
    config = str(write_config(tmp_path, "http://127.0.0.1:9/"))
    done = run("user", "add", "ana", "--password-env", "NOWHERE_SET", "--config.file", config)
    assert (done.returncode, done.stderr) == (2, "no user added: environment variable NOWHERE_SET is not set\n")


def test_a_database_that_cannot_be_opened_is_named_with_its_remedy(tmp_path: Path) -> None:
    config = write_config(tmp_path, "http://127.0.0.1:9/")
    folder = tmp_path / "nowhere"
    config.write_text(config.read_text().replace(f"{tmp_path}/", f"{folder}/"))
    done = run("user", "add", "ana", "--config.file", str(config), stdin="correct horse battery\n")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith(f"cannot use the database {folder}/")
    assert done.stderr.endswith(
        f": unable to open database file (make its folder {folder}, or name another file under database.sqlite)\n"
    )


@pytest.mark.timeout(90)
def test_all_serves_reloads_refuses_a_second_engine_and_stops(tmp_path: Path) -> None:
    with Sink() as sink:
        config = write_config(tmp_path, sink.url)
        port, public = free_port(), free_port()
        flags = ("--web.listen-address", f"127.0.0.1:{port}", "--web.public-listen-address", f"127.0.0.1:{public}")
        command = (*HERONWATCH, "all", "--config.file", str(config), *flags)
        with webhook(config, port=port, command=command) as daemon:
            answers = {path: requests.get(f"{daemon.url}{path}", timeout=20).status_code for path in ("/", "/metrics")}
            assert answers == {"/": 200, "/metrics": 200}
            outside = f"http://127.0.0.1:{public}"
            for path in ("/", "/metrics", "/incidents"):
                assert requests.get(f"{outside}{path}", timeout=20).status_code == 404
            second = run("engine", "--config.file", str(config), "--web.listen-address", f"127.0.0.1:{free_port()}")
            assert (second.returncode, "another engine works on" in second.stderr) == (1, True)
            shown = requests.get(f"{daemon.url}/config", timeout=20).text
            assert TOKEN not in shown
            config.write_text(config.read_text() + "nonsense: 1\n")
            assert requests.post(f"{daemon.url}/-/reload", timeout=20).status_code != 200
            config.write_text(config.read_text().replace("nonsense: 1\n", "retention: 7d\n"))
            daemon.reload()
            wait_until(lambda: "7d" in requests.get(f"{daemon.url}/config", timeout=20).text, 10, "the reload")
            daemon.stop()
            assert daemon.process.returncode == 0
            assert TOKEN not in daemon.log()
