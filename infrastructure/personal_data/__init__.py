"""What is known of people beside the log, and how it is forgotten."""
