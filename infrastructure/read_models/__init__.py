"""The engine of the read models: what one declares, how it is projected, woken, rebuilt and compared."""
