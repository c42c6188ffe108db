"""Deciders, by given, when, then."""
