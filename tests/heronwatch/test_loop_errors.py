"""What an event loop reports by itself."""

import asyncio
import errno
import io
from unittest.mock import Mock

from heronwatch import logs
from heronwatch.loop_errors import EVERY_S, LoopErrors


def test_a_shortage_is_told_once_in_a_while() -> None:
    stream = io.StringIO()
    logs.configure(stream=stream)
    loop = Mock(spec=asyncio.AbstractEventLoop)
    moments = [0.0]
    told = LoopErrors(lambda: moments[-1])
    report = {"message": "out of system resource", "exception": OSError(errno.EMFILE, "Too many open files")}
    for moment in (0.0, 1.0, EVERY_S - 1, EVERY_S):
        moments.append(moment)
        told(loop, report)
    logs.configure(stream=io.StringIO())
    lines = [line for line in stream.getvalue().splitlines() if "cannot be accepted" in line]
    assert ["times=1 " in lines[0], "times=3 " in lines[1], len(lines)] == [True, True, 2]
    assert all("LimitNOFILE" in line for line in lines)
    loop.default_exception_handler.assert_not_called()


def test_everything_else_is_told_as_ever() -> None:
    loop = Mock(spec=asyncio.AbstractEventLoop)
    report = {"message": "m", "exception": ValueError("x")}
    LoopErrors(lambda: 0.0)(loop, report)
    loop.default_exception_handler.assert_called_once_with(report)
