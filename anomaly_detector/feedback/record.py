"""The verdicts of one installation: takes them, gives what is in force, and once a week says which thresholds are up.

The journal is asked again whenever its file has changed, so that what another process appends, or a person deletes,
counts from the next step on. A journal that cannot be read leaves in force what was.
"""

import threading
from collections.abc import Callable

import msgspec

from anomaly_detector.config import Config
from anomaly_detector.feedback.effects import Marks, expires_at, marks_of, pauses
from anomaly_detector.feedback.journal import NAME, Journal, JournalError, Past
from anomaly_detector.feedback.listing import WEEK_S, sentence, short
from anomaly_detector.feedback.verdicts import FALSE_ALARM, Entry, Listing, Undo
from anomaly_detector.scoring.learning import Pause
from heronwatch.logs import get_logger

MOST_TOLD = 10  # verdicts of others that one line of the log names
MOST_RAISES = 1000  # false alarms in force at once: with more, thresholds are wrong for another reason
log = get_logger(__name__)


class RefusedError(ValueError):
    """A verdict that cannot be taken; `status` is that of HTTP."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class Feedback:
    """Thread-safe. Without a `state_dir` there is no journal, and nothing is ever in force."""

    def __init__(self, config: Config, *, now: Callable[[], float]) -> None:
        self._now, self._lock = now, threading.RLock()
        self._marks, self._trouble = Marks(), ""
        self._journal: Journal | None = None
        self._seen: Past | None = None
        self._pauses: dict[str, tuple[Pause, ...]] = {}
        self._own: set[str] = set()  # ids of verdicts that the log has told, until they are read
        self._own_undone: set[str] = set()
        self.use(config)

    def use(self, config: Config) -> None:
        """Go over to another configuration."""
        with self._lock:
            directory = config.settings.state_dir
            path = directory / NAME if directory else None
            if path is None or self._journal is None or self._journal.path != path:
                self._journal, self._seen = Journal(path) if path else None, None
            self.config = config

    def marks(self) -> Marks:
        """Return what is in force now; asked at every step."""
        with self._lock:
            now, past = self._now(), self._past()
            if self._seen is not None and past is not self._seen:
                self._tell(self._seen, past)
            if past is not self._seen or now >= self._marks.changes_at:
                self._marks = marks_of(past, now, version=self._marks.version + 1)
                self._seen, self._pauses = past, {}
            raises = self._marks.raises
            if raises and now >= max(past.listed_at, min(entry.at for entry in raises)) + WEEK_S:
                self._list(now)
            return self._marks

    def pauses(self, query: str) -> tuple[Pause, ...]:
        """Return the spans from which series of a query learn nothing; asked at every step."""
        with self._lock:
            marks = self.marks()
            if query not in self._pauses:
                self._pauses[query] = pauses(marks, query)
            return self._pauses[query]

    def entries(self) -> tuple[tuple[Entry, bool], ...]:
        """Return every verdict and whether it still counts; JournalError when the journal cannot be read."""
        with self._lock:
            past, now = self._journal.past() if self._journal else Past(), self._now()
        return tuple((entry, counts(entry, past, now)) for entry in past.entries)

    def add(self, entry: Entry) -> None:
        """Keep a verdict, synced; RefusedError when there are too many, JournalError when it cannot be kept."""
        with self._lock:
            if entry.verdict == FALSE_ALARM and len(self.marks().raises) >= MOST_RAISES:
                raise RefusedError(409, f"{MOST_RAISES} false alarms are in force: tune the query instead")
            self._written().append(entry)
            self._own.add(entry.id)
        log.info("feedback", id=entry.id, verdict=entry.verdict, labels=dict(entry.labels), who=entry.who)

    def undo(self, identity: str, *, who: str) -> Entry:
        """Take a verdict back; RefusedError when there is none of this id or it was taken back before."""
        with self._lock:
            journal = self._written()
            past = journal.past()
            found = next((entry for entry in past.entries if entry.id == identity), None)
            if found is None:
                raise RefusedError(404, f"no verdict has the id '{identity[:40]}'")
            if identity in past.undone:
                raise RefusedError(409, f"{identity} was taken back before")
            journal.append(Undo(id=identity, at=self._now(), who=who))
            self._own_undone.add(identity)
        log.info("feedback taken back", id=identity, who=who)
        return found

    def _written(self) -> Journal:
        if self._journal is None:
            raise RefusedError(409, "settings.state_dir is not set: there is nowhere to keep a verdict")
        return self._journal

    def _past(self) -> Past:
        if self._journal is None:
            return Past()
        try:
            past, trouble = self._journal.past(), ""
        except JournalError as exc:
            past, trouble = self._seen or Past(), str(exc)
        if past.damaged and not trouble:
            trouble = f"{self._journal.path}: {past.damaged} damaged lines left out"
        if trouble and trouble != self._trouble:
            log.warning("feedback journal", detail=trouble)
        self._trouble = trouble
        return past

    def _tell(self, before: Past, past: Past) -> None:
        """Say what another process has added to the journal, such as the command."""
        known = {entry.id for entry in before.entries} | self._own
        new = [short(entry) for entry in past.entries if entry.id not in known]
        undone = sorted(past.undone.keys() - before.undone.keys() - self._own_undone)
        self._own, self._own_undone = set(), set()
        if new or undone:
            log.info("feedback read", new=len(new), said=new[:MOST_TOLD], taken_back=undone[:MOST_TOLD])

    def _list(self, now: float) -> None:
        """Say what is raised, once a week, and note that it was said."""
        try:
            self._written().append(Listing(at=now, raised=len(self._marks.raises)))
        except JournalError as exc:
            log.warning("feedback journal", detail=str(exc))
            return
        log.info("raised thresholds of this week", raised=[sentence(entry) for entry in self._marks.raises])


def counts(entry: Entry, past: Past, now: float) -> bool:
    """Return whether a verdict still counts: not taken back, a false alarm not expired."""
    return entry.id not in past.undone and (entry.verdict != FALSE_ALARM or now < expires_at(entry))


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a verdict: `effect` is `raised`, `not_learnt`, `accepted` or `none`, with the reason in `words`.

    `series` is how many series are meant now, None when that is not known yet.
    """

    id: str
    effect: str
    words: str
    series: int | None = None
