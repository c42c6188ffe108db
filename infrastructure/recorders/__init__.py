"""The frame of the `eventsourcing` library around the log: its recorders, and the factory that makes them."""
