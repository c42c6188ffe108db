"""The `hirelog` command: what it starts, and what operators ask of it."""
