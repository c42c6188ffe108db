"""The log: one gapless one per tenant, written in groups, read in pages."""
