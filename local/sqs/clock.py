"""The age of messages in the local queue: only time while the queue is up counts."""

import sqlite3

# The queue notes and saves the time at least this often.
BEAT_S = 10.0
# A longer gap between two notes means that the queue was off, the machine asleep, or the clock changed.
_MAX_GAP_S = 60.0
# Amazon SQS quotas: a message is hidden for at most 12 hours.
MAX_VISIBILITY_S = 43_200

_SCHEMA = """
CREATE TABLE IF NOT EXISTS time_off (ended_at REAL NOT NULL, seconds REAL NOT NULL);
CREATE TABLE IF NOT EXISTS last_seen (only INTEGER PRIMARY KEY CHECK (only = 1), at REAL NOT NULL);
"""


class RetentionClock:
    """Knows when the queue was off; the caller holds the lock of the database."""

    def __init__(self, db: sqlite3.Connection, now: float) -> None:
        self._db = db
        db.executescript(_SCHEMA)
        row = db.execute("SELECT at FROM last_seen").fetchone()
        # A file of an earlier version does not record its last use: assume the time of its newest message.
        newest = db.execute("SELECT max(sent_at) FROM messages").fetchone()[0]
        self._seen_at: float = row[0] if row else (newest or now)
        self._saved_at = self._seen_at
        self.tick(now)
        self.save(now)

    def tick(self, now: float) -> bool:
        """Note the time; return True if the clock jumped since the last note, or the queue was off."""
        gap_s = now - self._seen_at
        has_jumped = gap_s > _MAX_GAP_S or gap_s < -_MAX_GAP_S
        if gap_s > _MAX_GAP_S:
            self._db.execute("INSERT INTO time_off VALUES (?, ?)", (now, gap_s))
        self._seen_at = now
        if has_jumped or now - self._saved_at >= BEAT_S:
            self.save(now)
        return has_jumped

    def save(self, now: float) -> None:
        """Save that the queue is up."""
        self._db.execute("INSERT INTO last_seen VALUES (1, ?) ON CONFLICT (only) DO UPDATE SET at = excluded.at", (now,))
        self._saved_at = now

    def compute_oldest_kept(self, now: float, retention_s: float) -> float:
        """Return when the oldest message was sent that must be kept: `retention_s` of counted time before now."""
        oldest = now - retention_s
        spans = self._db.execute("SELECT ended_at, seconds FROM time_off ORDER BY ended_at DESC").fetchall()
        for ended_at, seconds in spans:
            if ended_at <= oldest:
                break
            oldest -= seconds
        return oldest
