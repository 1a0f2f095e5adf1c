"""Several processes that answer as one: real children, killed hard; no counter ever goes back."""

import contextlib
import os
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from heronwatch.worker_metrics import ENVIRONMENT, WorkerFiles, prepare

# A worker: counts one for each line it reads and answers, so that a test knows that it has been counted.
# "metrics" answers the exposition as this process sees it.
WORKER = textwrap.dedent("""
    import sys
    from pathlib import Path
    from prometheus_client import Counter, Gauge, Histogram
    from heronwatch.telemetry import Telemetry
    telemetry = Telemetry("test", "1", multiprocess_dir=Path(sys.argv[1]))
    things = Counter("things", "Things.", ("kind",), registry=telemetry.registry)
    open_ = Gauge("open_things", "Open.", registry=telemetry.registry, multiprocess_mode="livesum")
    seconds = Histogram("seconds", "Seconds.", registry=telemetry.registry, buckets=(1, 2))
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "metrics":
            body, headers = telemetry.expose()
            print(body.decode().replace("\\n", "|"), flush=True)
            continue
        things.labels(line.strip()).inc()
        open_.inc()
        seconds.observe(1.5)
        print("counted", flush=True)
""")


class Worker:
    """A real child process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, ENVIRONMENT: str(folder)},
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    def answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def say(self, text: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        return self.answer()

    def count(self, times: int = 1, kind: str = "a") -> None:
        for _ in range(times):
            assert self.say(kind) == "counted"

    def values(self) -> dict[str, float]:
        return values(self.say("metrics").replace("|", "\n"))

    def end(self, number: int = signal.SIGKILL) -> None:
        self.process.send_signal(number)
        self.process.wait(10)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


def values(text: str) -> dict[str, float]:
    return {
        f"{sample.name}{dict(sorted(sample.labels.items()))}" if sample.labels else sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


A = "things_total{'kind': 'a'}"


class Crew:
    """Workers of one service."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        prepare(folder)
        self.files = WorkerFiles(folder)
        self.workers: list[Worker] = []

    def start(self, number: int = 1) -> list[Worker]:
        fresh = [Worker(self.folder) for _ in range(number)]
        self.workers += fresh
        for worker in fresh:
            assert worker.answer() == "ready"
        return fresh

    def kill(self, worker: Worker) -> None:
        self.workers.remove(worker)
        worker.end()


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Crew]:
    crew = Crew(tmp_path / "metrics")
    yield crew
    for worker in crew.workers:
        worker.end()


def test_any_worker_answers_for_all(crew: Crew) -> None:
    one, two = crew.start(2)
    one.count(2)
    two.count(3)
    for worker in (one, two):
        seen = worker.values()
        assert (seen[A], seen["open_things"], seen["seconds_count"]) == (5, 5, 5)
        assert seen["seconds_bucket{'le': '2.0'}"] == 5
        build = [value for name, value in seen.items() if name.startswith("heronwatch_build_info")]
        assert build == [1]


def test_no_counter_decreases_when_a_worker_is_killed(crew: Crew) -> None:
    one, two = crew.start(2)
    one.count(2)
    two.count(3)
    before = two.values()
    crew.kill(one)
    unfolded = two.values()
    crew.files.worker_died(one.pid)
    (three,) = crew.start()
    three.count(1, "b")
    after = three.values()
    for name, value in before.items():
        if name.startswith(("things_total", "seconds")):
            assert unfolded[name] >= value
            assert after[name] >= value
    assert (after[A], after["things_total{'kind': 'b'}"], after["seconds_count"]) == (5, 1, 6)


def test_the_gauges_of_a_dead_worker_are_dropped(crew: Crew) -> None:
    one, two = crew.start(2)
    one.count(2)
    two.count(3)
    crew.kill(one)
    crew.files.worker_died(one.pid)
    assert two.values()["open_things"] == 3


def test_files_do_not_pile_up(crew: Crew) -> None:
    for _ in range(4):
        (worker,) = crew.start()
        worker.count(1)
        crew.kill(worker)
        crew.files.worker_died(worker.pid)
    (last,) = crew.start()
    assert last.values()[A] == 4
    pids = {path.stem.rpartition("_")[2] for path in crew.folder.glob("*.db")}
    assert pids == {"ended", str(last.pid)}


def test_a_death_told_twice_counts_once(crew: Crew) -> None:
    one, two = crew.start(2)
    one.count(2)
    crew.kill(one)
    crew.files.worker_died(one.pid)
    crew.files.worker_died(one.pid)
    assert two.values()[A] == 2


def test_a_worker_killed_while_it_counts_leaves_a_readable_file(crew: Crew) -> None:
    one, two = crew.start(2)
    assert one.process.stdin is not None
    one.process.stdin.write("a\n" * 5_000)
    one.process.stdin.flush()
    while "counted" not in one.answer():
        pass
    crew.kill(one)
    before = two.values()[A]
    crew.files.worker_died(one.pid)
    assert two.values()[A] == before > 0


def test_files_of_an_earlier_run_are_removed(crew: Crew) -> None:
    (one,) = crew.start()
    one.count(7)
    crew.kill(one)
    prepare(crew.folder)
    (two,) = crew.start()
    two.count(1)
    assert two.values()[A] == 1


def test_the_folder_is_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    prepare(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
