"""How a command is carried out: ports, handle, policies."""
