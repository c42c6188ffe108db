"""What may be asked of the system: a file for what belongs together, and what those share."""
