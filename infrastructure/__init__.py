"""How Hirelog touches the world: log, projector, settings, servers."""
