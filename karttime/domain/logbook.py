"""All sessions of one feed, in order."""

from karttime.domain.session import Change, Session
from karttime.domain.updates import SessionStarted, Update


class Logbook:
    """All sessions of one feed, in order; the last one is the running one.

    Attributes:
        sessions: what ran, oldest first; bounded by `keep` (oldest ended ones are dropped) where one is given.
    """

    def __init__(self, keep: int | None = None) -> None:
        self.sessions: list[Session] = []
        self._keep = keep

    @property
    def current(self) -> Session | None:
        """The session that updates go to now; None before the first."""
        return self.sessions[-1] if self.sessions else None

    def apply(self, update: Update) -> Change:
        """Take one update in; before the first session it changes nothing."""
        if type(update) is SessionStarted:
            return self._start(update)
        sessions = self.sessions
        return sessions[-1].apply(update) if sessions else Change(update.at, None)

    def _start(self, update: SessionStarted) -> Change:
        if self.sessions and self.sessions[-1].ended_at is None:
            self.sessions[-1].ended_at = update.at
        self.sessions.append(Session(update.session_id, update.at))
        if self._keep is not None:
            del self.sessions[: -self._keep]
        return self.sessions[-1].apply(update)
