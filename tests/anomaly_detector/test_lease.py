"""Who writes: one of those with the same lease, the next as soon as that one has ended, however it ended."""

import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from anomaly_detector.lease import Lease
from tests.fakes.daemons import wait_until

HOLDER = """
import sys, threading
from pathlib import Path
from anomaly_detector.lease import Lease
lease = Lease(Path(sys.argv[1]), standby=False)
lease.turn()
print(lease.leads, flush=True)
threading.Event().wait()
"""


Make = Callable[..., Lease]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Lease] = []

    def one(name: str = "lease", *, standby: bool = False) -> Lease:
        made.append(Lease(tmp_path / name, standby=standby))
        return made[-1]

    yield one
    for lease in made:
        lease.give_back()


def test_without_a_lease_it_leads_and_a_stand_by_does_not() -> None:
    assert Lease(None, standby=False).leads
    assert not Lease(None, standby=True).leads


def test_one_of_two_leads(make: Make) -> None:
    first, second = make(), make()
    for one in (first, second, second, first):
        one.turn()
    assert (first.leads, second.leads) == (True, False)


def test_a_stand_by_never_takes_the_lock(make: Make) -> None:
    standby, other = make(standby=True), make()
    standby.turn()
    other.turn()
    assert (standby.leads, other.leads) == (False, True)


def test_who_writes_is_said_at_the_start_and_when_it_changes(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    first, second, third = make(), make(), make(standby=True)
    with caplog.at_level(logging.INFO):
        for one in (first, second, third, first, second, third):
            one.turn()
        first.give_back()
        second.turn()
    leads, follows = "leads: writes scores", "stands by: another detector leads"
    assert [record.message for record in caplog.records] == [
        leads,
        follows,
        "stands by: settings.standby is true",
        leads,
    ]


def test_when_it_ends_the_next_one_leads(make: Make) -> None:
    first, second = make(), make()
    first.turn()
    stop = threading.Event()
    stop.set()
    first.run(stop)
    second.turn()
    assert (first.leads, second.leads) == (False, True)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_when_the_process_is_killed_the_next_one_leads(tmp_path: Path, make: Make, number: signal.Signals) -> None:
    path, ours = tmp_path / "lease", make()
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        ours.turn()
        assert not ours.leads
        assert path.read_text().split()[1] == str(holder.pid)
        holder.send_signal(number)
        holder.wait(10)

    def leads() -> bool:
        ours.turn()
        return ours.leads

    wait_until(leads, 5, "the lock")


def test_a_lock_whose_file_was_replaced_is_given_up(tmp_path: Path, make: Make) -> None:
    path = tmp_path / "lease"
    first, second = make(), make()
    first.turn()
    path.unlink()
    second.turn()
    first.turn()
    assert (first.leads, second.leads) == (False, True)


def test_a_lease_that_cannot_be_had_is_said(tmp_path: Path, make: Make) -> None:
    lease = make("missing/lease")
    lease.turn()
    assert not lease.leads
    assert "No such file or directory" in lease.trouble
    (tmp_path / "missing").mkdir()
    lease.turn()
    assert lease.leads
    assert lease.trouble == ""
