"""The output of a batch to samples, command by command; what gave none becomes a named trouble."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from exporters.metric.samples import Sample
from exporters.ssh.module import PARSERS, CommandBlock
from exporters.ssh.script import Part

# exit statuses of the shell (POSIX, XCU 2.8.2) and of timeout(1)
STATUS_TEXT = {
    124: "it took too long",
    126: "it may not be run",
    127: "no such command",
    137: "it was killed",
}
TIMED_OUT = frozenset({124, 137})


class Trouble(Struct, frozen=True):
    """A command without usable output: the stable reason, and one line for a person."""

    reason: str
    detail: str


def samples_of(
    commands: Mapping[str, CommandBlock], parts: Mapping[str, Part]
) -> Iterator[tuple[str, list[Sample], Trouble | None]]:
    """Yield name, samples and trouble of each command; samples and trouble may come together."""
    for name, command in commands.items():
        part = parts.get(name)
        samples = PARSERS[command.prints](part.text) if part else []
        yield name, samples, _trouble(name, command, part, samples)


def _trouble(name: str, command: CommandBlock, part: Part | None, samples: list[Sample]) -> Trouble | None:
    if part is None or part.status is None:
        return Trouble("decode", f"{name}: the output broke off before its end")
    if part.status in TIMED_OUT:
        return Trouble("timeout", f"{name}: {STATUS_TEXT[part.status]}")
    if samples or command.optional:
        return None
    status = STATUS_TEXT.get(part.status, f"exit status {part.status}") if part.status else "exit status 0"
    return Trouble("decode", f"{name}: nothing in its output is {command.prints.value} ({status})")
