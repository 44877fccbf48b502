"""Use cases: functions, session first. They never commit, roll back or open sessions: the edge does."""
