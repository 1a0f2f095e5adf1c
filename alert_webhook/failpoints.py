"""The places where a test stops the process: their names, and what stands between them.

`Seams.failpoint` is called with each name as it is passed; in service it does nothing. Every change of the database has
one before and one after its commit, every call of a provider one on each side, every step of a migration one behind it.
"""

# what commits: the names that `Store.write` is given
WRITES = (
    "intake",
    "quarantine",
    "announce",
    "escalate",
    "claim",
    "drop",
    "record",
    "track",
    "hopeless",
    "report",
    "hear",
    "ask",
    "asked",
    "show",
    "shown",
    "acknowledge",
    "acknowledgements",
    "review",
    "digest",
    "seal",
    "prune",
    "probe",
    "calendars",
    "handover",
    "maintenance",
    "trouble",
    "end_held",
    "reconcile",
)
COMMITS = tuple(f"{side}_commit:{name}" for name in WRITES for side in ("before", "after"))

BEFORE_REPLY = "before_reply"  # committed and counted, and the sender does not know it yet
BEFORE_SEND, AFTER_SEND = "before_send", "after_send"  # around the call of a provider, outside any transaction
TURN_BEGAN, TURN_ENDED = "turn_began", "turn_ended"  # of the engine
BEFORE_SUBMIT = "before_submit"  # leased and committed; no sender has it yet

BEFORE_MIGRATE = "before_migrate"
BEFORE_MIGRATE_COMMIT, AFTER_MIGRATE_COMMIT = "before_commit:migrate", "after_commit:migrate"


def migrated(revision: str) -> str:
    """Return the place behind one migration, before the commit that all of them share.

    >>> migrated("0003")
    'migrated:0003'
    """
    return f"migrated:{revision}"
