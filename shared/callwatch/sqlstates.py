"""The SQLSTATEs that the code distinguishes, by what they mean (PostgreSQL's documentation, appendix A)."""

READ_ONLY = "25006"
SERIALIZATION_FAILURE, DEADLOCK = "40001", "40P01"
TOO_MANY_CONNECTIONS, LIMIT_EXCEEDED = "53300", "53400"

# The statement was cancelled, by its timeout among others, or did not get a lock in time.
TOO_LATE = frozenset({"57014", "55P03"})
# Another transaction was in the way.
CONFLICTS = frozenset({SERIALIZATION_FAILURE, DEADLOCK})
# No connection, or no other configured resource, is left for us.
SATURATED = frozenset({TOO_MANY_CONNECTIONS, LIMIT_EXCEEDED})
# A full disk, or a failing one.
NO_ROOM = frozenset({"53100", "58030"})
# The server takes no writes: it has no room, or it is a standby.
REFUSED_WRITE = NO_ROOM | {READ_ONLY}
# The server shuts down, crashed, starts up, or closed an idle session; and the class of connection exceptions.
SESSION_LOST, SESSION_LOST_CLASS = frozenset({"57P01", "57P02", "57P03", "57P05", "25P03"}), "08"
# The same work may succeed when it is repeated.
RETRYABLE = CONFLICTS | TOO_LATE | SATURATED
# The server is at fault and not our statement: it is read-only or late; it lacks resources (full disk, no memory), has system
# errors (I/O) or internal errors (damaged files). An owner may have set the timeouts for our role.
SERVER_FAILS, SERVER_FAILS_CLASSES = TOO_LATE | {READ_ONLY}, ("53", "58", "XX")
# Bad data, a violated constraint, a row too large for an index: caused by the data written.
BAD_DATA_CLASSES = ("22", "23", "54")
# Queries that cannot work: invalid input for a type, a null in a NOT NULL column; a missing column, table or function.
BROKEN_QUERY, BROKEN_QUERY_CLASSES = ("22P02", "23502"), ("42",)
