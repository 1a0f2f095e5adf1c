"""An alert that begins and ends again and again is one incident: its ends are believed once it has been calm."""

from msgspec import Struct


class FlapRule(Struct, frozen=True):
    """From the `times`th beginning within `within_s` on, an end counts once it has lasted `calm_s`."""

    times: int
    within_s: float
    calm_s: float


class Flaps(Struct, frozen=True, gc=False):
    """What is remembered of one alert: when it last began (our time, Unix seconds), and until when its end is held."""

    openings: tuple[float, ...] = ()
    held_until: float | None = None

    def due(self, now: float) -> bool:
        """Whether the held end has lasted long enough."""
        return self.held_until is not None and self.held_until <= now


def follow(flaps: Flaps, *, fired: bool, fires: bool, now: float, rule: FlapRule | None) -> Flaps:
    """Return what to remember after an update: `fired` before it, `fires` after it. Without a rule nothing is held.

    >>> rule, flaps = FlapRule(times=2, within_s=60, calm_s=30), Flaps()
    >>> for now, (fired, fires) in enumerate([(False, True), (True, False), (False, True), (True, False)]):
    ...     flaps = follow(flaps, fired=fired, fires=fires, now=now, rule=rule)
    >>> flaps
    Flaps(openings=(0, 2), held_until=33)
    """
    if rule is None or fired == fires:
        return flaps
    recent = tuple(at for at in flaps.openings if now - at < rule.within_s)[1 - rule.times :]
    if fires:
        return Flaps((*recent, now))
    if len(recent_openings(flaps, now, rule)) < rule.times:
        return Flaps(flaps.openings)
    return Flaps(flaps.openings, held_until=now + rule.calm_s)


def recent_openings(flaps: Flaps, now: float, rule: FlapRule) -> tuple[float, ...]:
    """Return the beginnings that still count."""
    return tuple(at for at in flaps.openings if now - at < rule.within_s)
