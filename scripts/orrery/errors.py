"""The one exception that is shown to users as a sentence."""


class OrreryError(Exception):
    """Something the user can mend. The message says what is wrong, where, and what to write instead."""
