"""`heronwatch …` run to its end in a process of its own, forked from one that has the imports done: it starts soon."""

import contextlib
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.fakes.webhook_victim import PRELOADED

STREAMS = ("in", "out", "err")


def heronwatch(
    *arguments: str,
    stdin: str = "",
    env: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
    timeout_s: float = 30.0,
) -> subprocess.CompletedProcess[str]:
    """What `subprocess.run(["heronwatch", …])` tells, without the second of imports."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").write_text(stdin)
        process = context.Process(target=_run, args=(arguments, dict(env), str(cwd or Path.cwd()), name), daemon=True)
        process.start()
        process.join(timeout_s)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(arguments, timeout_s)
        out, err = ((folder / stream).read_text() for stream in STREAMS[1:])
        return subprocess.CompletedProcess(arguments, process.exitcode, out, err)


def _run(arguments: Sequence[str], env: Mapping[str, str], cwd: str, folder: str) -> None:
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    for number, stream in enumerate(STREAMS):
        opened = os.open(f"{folder}/{stream}", os.O_CREAT | (os.O_WRONLY if number else os.O_RDONLY))
        os.dup2(opened, number)
    from heronwatch.cli import main

    with contextlib.closing(open(0, closefd=False)) as sys.stdin:  # multiprocessing closed the old one
        sys.exit(main(arguments))
