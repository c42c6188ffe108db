"""Contracts against real servers."""
