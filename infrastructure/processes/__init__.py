"""Processes, threads and tasks: starting, watching and stopping them."""
