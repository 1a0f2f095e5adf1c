"""Strange for so long that it is normal: the rule after which every model accepts new behaviour."""

import numpy as np

from anomaly_detector.models.model import F32, Mask


def accepted(since_s: F32, above: Mask, *, step_s: float, accept_after: float) -> Mask:
    """Count the time that series are above 1, in place; return those above for `accept_after` s without pause.

    Their count begins anew.

    >>> since_s = np.array([100.0, 100.0, 0.0], np.float32)
    >>> accepted(since_s, np.array([True, False, True]), step_s=60.0, accept_after=120.0), since_s
    (array([ True, False, False]), array([ 0.,  0., 60.], dtype=float32))
    """
    since_s[...] = (since_s + np.float32(step_s)) * above
    accept = since_s > np.float32(accept_after)
    since_s[accept] = 0
    return np.asarray(accept)
