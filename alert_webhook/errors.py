"""What can go wrong in the webhook, by what the caller does next.

HeronwatchError
├── ConfigError                  (ground) show the faults, exit 1
└── WebhookError
    ├── BadBodyError             the sender's body can never succeed: 4xx, count, keep an excerpt
    ├── CalendarError            a calendar file that cannot be read: what it said before stays in force
    ├── StoreUnavailableError    the database cannot take it now: 503, try again later
    ├── LostRaceError            another transaction was first: run again, with locks
    ├── BackupError              a backup that cannot be restored as it is: nothing has changed, exit 1
    ├── SchemaTooNewError        another, newer version owns the database: no engine work here
    ├── NoDatabaseError          a command that only reads found no file: exit 1, none is made
    └── StoreInUseError          another engine runs on this database file: exit 1
"""

from heronwatch.errors import HeronwatchError


class WebhookError(HeronwatchError):
    """Any expected fault of the webhook."""


class BadBodyError(WebhookError):
    """A request body that cannot be read as a whole; `reason` is the stable word for the metric."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class CalendarError(WebhookError):
    """An iCalendar file, or one event of it, that cannot be read."""


class StoreUnavailableError(WebhookError):
    """The database did not take a transaction: locked, full, read-only, away. Nothing of it was kept."""


class LostRaceError(WebhookError):
    """What a transaction read was changed by another one before it could be written."""


class BackupError(WebhookError):
    """A backup that is damaged, not whole, or of another version."""


class SchemaTooNewError(WebhookError):
    """The database was migrated by a newer version of heronwatch than this one."""


class NoDatabaseError(WebhookError):
    """The file of the database is not there, and this is not the command that makes one."""


class StoreInUseError(WebhookError):
    """Another process runs the engine on the same database file."""
