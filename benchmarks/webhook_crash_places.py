"""Where the crash benchmark kills the webhook, and which place a seed takes. Pure."""

import random
from collections.abc import Sequence

from alert_webhook import failpoints

RARE = (  # commits that this load does not reach; tests/alert_webhook/delivery/test_rare_kills.py dies at some of them
    "drop",
    "hopeless",
    "acknowledgements",
    "review",
    "digest",
    "probe",
    "calendars",
    "handover",
    "maintenance",
    "trouble",
    "end_held",
    "reconcile",
)
RANDOM_MOMENT = "random_moment"
PROVIDER_HAS_IT = "provider_has_it"  # killed from outside: the provider has read the page and not answered yet
OUTSIDE = (RANDOM_MOMENT, PROVIDER_HAS_IT)
INSIDE = (
    *(name for name in failpoints.COMMITS if name.partition(":")[2] not in RARE),
    failpoints.BEFORE_REPLY,
    failpoints.BEFORE_SEND,
    failpoints.AFTER_SEND,
    failpoints.BEFORE_SUBMIT,
    failpoints.TURN_BEGAN,
    failpoints.TURN_ENDED,
)
MOST_TIMES = 4  # a place is passed this often at most before it kills


def at_start(revisions: Sequence[str]) -> tuple[str, ...]:
    """Return the places that only the first start on an empty database passes."""
    steps = (failpoints.migrated(each) for each in revisions)
    around = (failpoints.BEFORE_MIGRATE, failpoints.BEFORE_MIGRATE_COMMIT, failpoints.AFTER_MIGRATE_COMMIT)
    return (*around, *steps)


def rounds(seeds: int, revisions: Sequence[str], *, seed: int) -> list[list[str]]:
    """Return the places of every kill, by database: each database's first kill is amid its migration.

    Every place has its turn before any has a second; each list's order is drawn from `seed`.
    """
    draw = random.Random(seed)
    starts, running = _turns(at_start(revisions), seeds, draw), _turns((*INSIDE, *OUTSIDE), seeds, draw)
    share = len(at_start(revisions)) / (len(INSIDE) + len(OUTSIDE) + len(at_start(revisions)))
    databases = max(1, round(seeds * share))
    made: list[list[str]] = [[starts.pop()] for _ in range(min(databases, seeds))]
    for number in range(seeds - len(made)):
        made[number % len(made)].append(running.pop())
    return made


def _turns(places: Sequence[str], count: int, draw: random.Random) -> list[str]:
    """Return at least `count` places, each as often as any other but for one."""
    found: list[str] = []
    while len(found) < count:
        found += draw.sample(places, len(places))
    return found[::-1]
