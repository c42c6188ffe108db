"""What goes wrong for the person who operates the system, as against for a client of it."""


class OperatorError(Exception):
    """The message is one line that says what is wrong and what to do; commands print it and exit with 1."""
