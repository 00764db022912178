-- Results of checks are read and dropped by time, of all services together.

CREATE INDEX check_results_at ON callwatch.check_results (at);
