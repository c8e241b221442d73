"""What the installation tells of itself: logs, metrics, traces."""
