"""What can be asked: one file per read model."""
