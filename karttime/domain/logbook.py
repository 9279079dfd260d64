"""All sessions of one feed, in order."""

from karttime.domain.session import Change, Session
from karttime.domain.updates import SessionStarted, Update


class Logbook:
    """All sessions of one feed, in order; the last one is the running one.

    Attributes:
        sessions: what ran, oldest first; bounded by `keep` (oldest ended ones are dropped) where one is given.
        current: the session that updates go to now; None before the first.
    """

    def __init__(self, keep: int | None = None) -> None:
        self.sessions: list[Session] = []
        self.current: Session | None = None
        self._keep = keep

    def apply(self, update: Update) -> Change:
        """Take one update in; before the first session it changes nothing."""
        current = self.current
        if type(update) is SessionStarted:
            return self._start(update)
        return Change(update.at, None) if current is None else current.apply(update)

    def _start(self, update: SessionStarted) -> Change:
        if self.current is not None and self.current.ended_at is None:
            self.current.ended_at = update.at
        self.current = Session(update.session_id, update.at)
        self.sessions.append(self.current)
        if self._keep is not None:
            del self.sessions[: -self._keep]
        return self.current.apply(update)
