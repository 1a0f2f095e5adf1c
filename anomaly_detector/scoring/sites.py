"""What the devices of one site have in common, and what a device shows beyond it. No I/O."""

import math

import numpy as np

from anomaly_detector.models.model import F32
from anomaly_detector.series_table import Rows

PEERS = 4  # devices of a site, for the middle one to say what the site has in common
HELD = np.float32(0.99)  # of a device whose site speaks for it
THIRD = 3  # of the others of a site: what so many show is no device's own
SHARED = np.float32(1.5)  # times what the third of the others shows is still the site's: no two devices are alike
AT_ONCE_S = 700.0  # memory of what others showed: two samples of most fleets


class Apart:
    """What each device shows beyond what others of its site show at the same moment: a shift or a backup that ends.

    `recent` is the most that each showed of late.
    """

    def __init__(self, site: Rows, step_s: float) -> None:
        """Take the site of each device, -1 for none."""
        self._keep = np.float32(math.exp(-step_s / AT_ONCE_S))
        self.recent: F32 = np.zeros(len(site), np.float32)
        self._place(site)

    def grow(self, site: Rows) -> None:
        """Go over to more devices; those there were keep their places."""
        if not np.array_equal(site, self._site):
            self.recent = np.pad(self.recent, (0, len(site) - len(self.recent)))
            self._place(site)

    def of(self, shown: F32) -> F32:
        """Return what is shown beyond SHARED times what the THIRD of the others shows; all, where they are fewer."""
        self.recent = np.maximum(self.recent * self._keep, shown)
        order = np.lexsort((self.recent, self._site))
        ordered = np.append(self.recent[order], np.float32(0))
        # among the highest ones of its site the third of the others is the fourth of all
        third, fourth = (
            np.where(self._size >= n, ordered[np.maximum(self._last - n, 0)], 0) for n in (THIRD, THIRD + 1)
        )
        third, fourth = third[self._number], fourth[self._number]
        others = np.where(self.recent >= third, fourth, third)
        return np.asarray(np.where(self._site >= 0, np.maximum(shown - SHARED * others, 0), shown), np.float32)

    def _place(self, site: Rows) -> None:
        """Note where each site ends once devices are ordered by site."""
        self._site = site
        _, self._number, self._size = np.unique(site, return_inverse=True, return_counts=True)
        self._last = np.cumsum(self._size)


def beyond_sites(score: F32, site_of: Rows) -> F32:
    """Return scores of groups, of those above 1 what is beyond the middle one of their site (-1: none).

    >>> beyond_sites(np.array([3.0, 1.0, 1.0, 0.0, 3.0]), np.array([0, 0, 0, 0, -1])).tolist()
    [2.0, 1.0, 1.0, 0.0, 3.0]
    """
    out = score.copy()
    for site in np.unique(site_of[(score > 1) & (site_of >= 0)]).tolist():
        members = site_of == site
        if members.sum() >= PEERS:
            out[members & (score > 1)] -= np.median(score[members])
    return out


def held_by_sites(score: F32, site: F32, site_of: Rows) -> F32:
    """Return the scores of groups (…, group): below 1 where their site (…, site) speaks for them.

    `site_of` is the site of each group, -1 for none.

    >>> held_by_sites(np.array([2.0, 2.0]), np.array([1.5]), np.array([0, -1])).tolist()
    [0.9900000095367432, 2.0]
    """
    none = np.zeros((*site.shape[:-1], 1), site.dtype)
    spoken = np.concatenate((site, none), axis=-1)[..., site_of] > 1
    return np.asarray(np.where(spoken, np.minimum(score, HELD), score), score.dtype)
