"""How rare something must be to be a notification, so that the installation stays within its budget of them.

Levels (levelling.py) say how rare a value is, in decades of group-days. So many a week for each 1,000 groups, shared by
the queries of a team, is a rarity as well: 5 a week for 1,000 devices and 10 queries are 0.5 in 7,000 device-days, or
4.1 decades, for each query. Life moves on from what was learnt, and what it brings is a notification, too: AIM of the
budget is what the learnt past may cost. No I/O.
"""

import math

WEEK_DAYS = 7
BUDGET_PER_1000 = 5.0  # notifications a week for each 1,000 devices, unless somebody sets another
AIM = 0.3  # so that seeds 2026 to 2029 of benchmarks/detector_fleet.py, at their full size, keep to their budget
QUIET_S = 3600.0  # below the threshold for so long, the next is another notification


def threshold(a_week_per_1000: float, queries: int) -> float:
    """Return the surprise, in decades, at which one of so many queries sends a notification.

    >>> round(threshold(5.0, 10), 2)
    4.67
    """
    return math.log10(1000 * WEEK_DAYS * queries / (AIM * a_week_per_1000))
