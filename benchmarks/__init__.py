"""Every speed that the README claims, reproducible with one command each, as ratios against a named comparator."""
