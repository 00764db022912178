"""Check-ins of the product's jobs: schedules, runs, and whether a job is missed, failed or too long."""
