"""The journal: appended and synced, shared by processes, read around damage, bounded, whole after a full disk."""

import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from anomaly_detector.feedback import journal as module
from anomaly_detector.feedback.journal import Journal, JournalError, JournalFullError
from anomaly_detector.feedback.verdicts import Entry, Listing, Undo

NOW_S = 1_792_893_600.0


def entry(identity: str) -> Entry:
    return Entry(id=identity, at=NOW_S, verdict="incident", labels={"for": "cpu"}, start=NOW_S - 60, end=NOW_S)


def test_what_was_appended_is_read_by_another(tmp_path: Path) -> None:
    mine, other = Journal(tmp_path / "state" / "feedback.jsonl"), Journal(tmp_path / "state" / "feedback.jsonl")
    assert other.past().entries == ()
    for line in (entry("1"), entry("2"), Undo(id="1", at=NOW_S), Listing(at=NOW_S, raised=3)):
        mine.append(line)
    past = other.past()
    assert [one.id for one in past.entries] == ["1", "2"]
    assert (set(past.undone), past.listed_at, past.damaged) == ({"1"}, NOW_S, 0)


def test_an_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.append(entry("1"))
    assert journal.past() is journal.past()


def test_damage_costs_its_line_only(tmp_path: Path) -> None:
    path = tmp_path / "j"
    Journal(path).append(entry("1"))
    with path.open("ab") as file:
        file.write(b'{"at": gone wrong\n\n\x00\xff\n{"at":"2026-10-25T02:00:00Z","id":"torn","verdict":"inci')
    Journal(path).append(entry("2"))
    past = Journal(path).past()
    assert [one.id for one in past.entries] == ["1", "2"]
    assert past.damaged == 3


def test_several_writers_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "j"

    def write(number: int) -> None:
        for count in range(20):
            Journal(path).append(entry(f"{number}-{count}"))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    past = Journal(path).past()
    assert (len(past.entries), past.damaged) == (80, 0)


def test_a_full_journal_says_so_and_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "j")
    journal.append(entry("1"))
    before = journal.path.read_bytes()
    monkeypatch.setattr(module, "MOST_BYTES", len(before) + 10)
    with pytest.raises(JournalFullError, match="move it away"):
        journal.append(entry("2"))
    assert journal.path.read_bytes() == before


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError):
        Journal(tmp_path / "file" / "j").append(entry("1"))
    with pytest.raises(JournalError):
        Journal(tmp_path).past()


def test_a_disk_that_fills_leaves_no_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "j"
    Journal(path).append(entry("1"))
    size = path.stat().st_size
    program = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from anomaly_detector.feedback.journal import Journal, JournalError\n"
        "from anomaly_detector.feedback.verdicts import Undo\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size + 10}, {resource.RLIM_INFINITY}))\n"
        "try:\n    Journal(Path(sys.argv[1])).append(Undo(id='1', at=0.0))\n"
        "except JournalError as exc:\n    print(exc)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True, timeout=50
    )
    assert os.strerror(27) in done.stdout  # EFBIG, as the limit answers where a disk would say ENOSPC
    assert path.stat().st_size == size
