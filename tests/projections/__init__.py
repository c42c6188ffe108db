"""Read models, one fold at a time."""
