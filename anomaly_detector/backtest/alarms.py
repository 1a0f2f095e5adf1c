"""From scores to alarms: episodes, how many a sensitivity would give, what they found. Pure arithmetic."""

import msgspec
import numpy as np
import numpy.typing as npt

from anomaly_detector.models.model import F32, F64, Mask
from anomaly_detector.scoring.learning import Labels, Pause

Places = npt.NDArray[np.intp]
SENSITIVITIES: F64 = np.round(np.geomspace(0.25, 4.0, 33), 3)  # 1 is among them: as configured


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """One alarm of one series; times are Unix seconds, `host` is that of its device's label."""

    query: str
    model: str
    labels: Labels
    host: str
    begins: float
    ends: float
    peak: float


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """How notifications compare with known incidents.

    A notification is true when it overlaps an incident of one of its series; `delays_s` are from the begin of each
    incident found to its first notification.
    """

    notifications: int
    true: int
    incidents: int
    found: int
    delays_s: tuple[float, ...]
    missed: tuple[Pause, ...]

    @property
    def false(self) -> int:
        """How many notifications match no incident: those that the budget is about."""
        return self.notifications - self.true

    @property
    def precision(self) -> float | None:
        """Share of notifications that are about an incident; None without any."""
        return self.true / self.notifications if self.notifications else None

    @property
    def recall(self) -> float | None:
        """Share of incidents that were found; None without any."""
        return self.found / self.incidents if self.incidents else None


def episodes(above: Mask, *, least: int, apart: int) -> tuple[Places, Places, Places]:
    """Return series, first and last instant of every episode in `above` (series, instants).

    An episode is at least `least` instants long; what is at most `apart` instants apart is one.

    >>> above = np.array([[0, 1, 1, 0, 1, 1, 0, 0, 0, 1]], bool)
    >>> [one.tolist() for one in episodes(above, least=2, apart=1)]
    [[0], [1], [5]]
    """
    padded = np.zeros((above.shape[0], above.shape[1] + 2), np.int8)
    padded[:, 1:-1] = above
    edges = np.diff(padded, axis=1)
    series, first = np.nonzero(edges == 1)
    last = np.nonzero(edges == -1)[1] - 1
    long = last - first + 1 >= least
    series, first, last = series[long], first[long], last[long]
    new = np.ones(len(series), np.bool_)
    new[1:] = (series[1:] != series[:-1]) | (first[1:] - last[:-1] > apart + 1)
    begin = np.flatnonzero(new)
    end = np.append(begin[1:], len(series)) - 1
    return series[begin], first[begin], last[end] if len(begin) else last[:0]


def groups(hosts: Places, begins_s: F64, *, apart_s: float) -> tuple[Places, int]:
    """Return which notification each alarm belongs to, and how many there are.

    Alarms of one host that begin within `apart_s` of the one before are one.

    >>> groups(np.array([0, 0, 1, 0]), np.array([0.0, 100.0, 50.0, 9000.0]), apart_s=3600.0)[0].tolist()
    [0, 0, 2, 1]
    """
    order = np.lexsort((begins_s, hosts))
    sorted_hosts, sorted_begins = hosts[order], begins_s[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (sorted_hosts[1:] != sorted_hosts[:-1]) | (np.diff(sorted_begins) > apart_s)
    out = np.empty(len(order), np.intp)
    out[order] = np.cumsum(new) - 1
    return out, int(new.sum())


def alarms_at(scores: F32, sensitivity: float, *, least: int, apart: int) -> tuple[Places, Places, Places]:
    """Return series, first and last instant of the alarms that scores (series, instants) would give."""
    return episodes(scores > 1 / sensitivity, least=least, apart=apart)


def meeting(sensitivities: F64, a_week: F64, budget: float) -> float | None:
    """Return the highest sensitivity whose notifications a week stay within the budget; None when none does.

    >>> meeting(np.array([0.5, 1.0, 2.0]), np.array([1.0, 4.0, 30.0]), 5.0)
    1.0
    """
    within = np.flatnonzero(a_week <= budget)
    return float(sensitivities[within[-1]]) if len(within) else None
