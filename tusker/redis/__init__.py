"""Redis: its address, the queues of jobs, and counts of calls."""
