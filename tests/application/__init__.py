"""Carrying out commands."""
