"""Strange for so long that it is normal: the rule after which every model accepts new behaviour."""

import numpy as np

from anomaly_detector.models.model import F32, Mask


def lasting(since_s: F32, above: Mask, *, learn: Mask, step_s: float) -> None:
    """Count the time that series are above 1 without pause, in place; it stands still where nothing is to be learnt.

    So what is held (a marked incident, a silence, a maintenance) is not accepted, however long it lasts, and a lost
    sample is no pause.

    >>> since_s = np.array([100.0, 100.0, 100.0], np.float32)
    >>> lasting(since_s, np.array([True, False, True]), learn=np.array([True, True, False]), step_s=60.0)
    >>> since_s
    array([160.,   0., 100.], dtype=float32)
    """
    np.copyto(since_s, (since_s + np.float32(step_s)) * above, where=learn)


def accepted(since_s: F32, above: Mask, *, learn: Mask, step_s: float, accept_after: float) -> Mask:
    """Count as `lasting` does; return the series above 1 for `accept_after` s without pause. Their count begins anew.

    >>> since_s, above = np.array([100.0, 100.0, 0.0, 100.0], np.float32), np.array([True, False, True, True])
    >>> learn = np.array([True, True, True, False])
    >>> accepted(since_s, above, learn=learn, step_s=60.0, accept_after=120.0), since_s
    (array([ True, False, False, False]), array([  0.,   0.,  60., 100.], dtype=float32))
    """
    lasting(since_s, above, learn=learn, step_s=step_s)
    accept = learn & (since_s > np.float32(accept_after))
    since_s[accept] = 0
    return np.asarray(accept)
