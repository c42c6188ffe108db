"""The same rooms again, plus faults and architecture."""
