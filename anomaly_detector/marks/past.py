"""The marks of a span of the past, asked for once: for commands that play it again. A server that is away ends none."""

from typing import Any

import msgspec

from anomaly_detector.errors import DetectorError, printable
from anomaly_detector.marks.blocks import Marks
from anomaly_detector.marks.known import Known, Told
from anomaly_detector.marks.reader import asked
from anomaly_detector.scoring.learning import Pause

MOST_NAMED = 3  # marks that are not understood


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """What one server said: how many pauses its marks mean within the span; or in `trouble` why it said nothing.

    `odd` are its marks that cannot be understood.
    """

    url: str
    pauses: int = 0
    trouble: str = ""
    odd: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return it for people.

        >>> print(Server(url="http://am:9093", pauses=1))
        1 pause of http://am:9093
        """
        if self.trouble:
            return f"not read of {self.url} ({self.trouble}): what was marked there is learnt from and counts"
        odd = f"; not understood: {', '.join(self.odd[:MOST_NAMED])}" if self.odd else ""
        return f"{self.pauses} pause{'' if self.pauses == 1 else 's'} of {self.url}{odd}"


class MarkedPast(msgspec.Struct, frozen=True, kw_only=True):
    """The pauses that marks mean within a span.

    `pauses` are for who learns from it as history: an incident begins `marks.before` before it was opened. `lived` are
    for who plays it as if it were live: nobody knew of an incident before it was opened.
    """

    pauses: tuple[Pause, ...] = ()
    lived: tuple[Pause, ...] = ()
    servers: tuple[Server, ...] = ()

    def as_builtins(self) -> list[dict[str, Any]]:
        """Return what was asked of whom, for JSON."""
        return [{"server": one.url, "pauses": one.pauses, "trouble": one.trouble} for one in self.servers]


def marked_past(marks: Marks | None, *, from_s: float, to_s: float) -> MarkedPast:
    """Ask every server what it knows of a span that ends at `to_s`, which is now or before; Unix seconds."""
    if marks is None:
        return MarkedPast()
    pauses: list[Pause] = []
    lived: list[Pause] = []
    servers = []
    for url, told in asked(marks, from_s=from_s):
        if isinstance(told, DetectorError):
            servers.append(Server(url=url, trouble=printable(str(told))))
            continue
        meant, odd = _meant(marks, told, (from_s, to_s), before_s=float(marks.before))
        pauses += meant
        lived += _meant(marks, told, (from_s, to_s), before_s=0.0)[0]
        servers.append(Server(url=url, pauses=len(meant), odd=odd))
    return MarkedPast(pauses=tuple(pauses), lived=tuple(lived), servers=tuple(servers))


def _meant(
    marks: Marks, told: Told, span: tuple[float, float], *, before_s: float
) -> tuple[list[Pause], tuple[str, ...]]:
    """Return the pauses within a span, and what is not understood."""
    known = Known(marks.by, before_s=before_s, back_s=max(0.0, told.now_s - span[0]))
    known.hear(told)
    pauses, odd = known.pauses()
    return [one for one in pauses if one.begins < span[1] and one.to > span[0]], odd
