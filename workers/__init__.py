"""Background processes: the Celery application, the beat schedule, and thin tasks."""
