"""What leaves the process to be read by operators: logs, metrics, and what both are made of."""
