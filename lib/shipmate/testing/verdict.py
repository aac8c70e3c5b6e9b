"""The outcomes of a check of the component suite that does not pass."""


class Failed(AssertionError):
    """The component does not pass; the text says what was found and what to do."""


class NotChecked(Exception):
    """The check is not possible for this component or function; the text says why."""
