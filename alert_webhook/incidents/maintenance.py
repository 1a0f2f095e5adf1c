"""What users do about maintenance windows: see them, make one, end one."""

from msgspec import Struct

from alert_webhook.incidents.windows import MaintenanceWindow
from alert_webhook.parts import Parts
from alert_webhook.store import maintenance
from alert_webhook.store.database import Transaction

LONGEST_S = 366 * 86_400.0
MAX_TITLE = 200


class Listed(Struct, frozen=True):
    """One window, whether it is on, and when that changes next (None: not within eight days)."""

    window: MaintenanceWindow
    active: bool
    changes_at: float | None


def list_windows(parts: Parts) -> list[Listed]:
    """Return the windows that are not over, those of the configuration first."""
    found, now = parts.store.read(lambda tx: (maintenance.not_over(tx, tx.now), tx.now))
    known = [window for window in parts.settings().maintenance_windows() if window.end_at > now]
    return [_listed(window, now) for window in [*known, *found]]


def create_window(parts: Parts, window: MaintenanceWindow, *, who: str) -> MaintenanceWindow:
    """Store a window that `who` made and return it with its id; ValueError says what is wrong with it."""
    fault = window_fault(window, parts.clock.now())
    if fault:
        raise ValueError(fault)
    title = " ".join(window.title.replace("\0", "").split())
    fresh = MaintenanceWindow(
        id=0,
        title=title,
        match=window.match,
        start_at=window.start_at,
        end_at=window.end_at,
        hours=window.hours,
        created_by=who,
    )
    stored = parts.store.write(lambda tx: maintenance.add(tx, fresh), "maintenance")
    parts.wake()
    return stored


def end_window(parts: Parts, window_id: int, *, who: str) -> MaintenanceWindow | None:
    """End a window now: what still fires in it pages. None where no such window is left to end."""

    def work(tx: Transaction) -> MaintenanceWindow | None:
        found = maintenance.get(tx, window_id)
        if found is None or found.end_at <= tx.now:
            return None
        maintenance.end(tx, window_id, who)
        return maintenance.get(tx, window_id)

    ended = parts.store.write(work, "maintenance")
    parts.wake()
    return ended


def window_fault(window: MaintenanceWindow, now: float) -> str:
    """Return what is wrong with a window that a user wants, "" if nothing is."""
    title = " ".join(window.title.split())
    if not 0 < len(title) <= MAX_TITLE:
        return f"title: expected 1 to {MAX_TITLE} characters"
    for key, fault in window.match.faults():
        return f"{key}: {fault}"
    if not window.start_at < window.end_at or window.end_at <= now:
        return "end_at: it ends before it begins, or is over already"
    if window.end_at - window.start_at > LONGEST_S:
        return "end_at: a window is at most 366 days long"
    if window.hours is not None and not window.hours.windows:
        return "hours: name at least one"
    return ""


def _listed(window: MaintenanceWindow, now: float) -> Listed:
    active = window.active(now)
    changes_at = window.over_at(now) if active else window.next_start(now)
    return Listed(window, active, changes_at)
