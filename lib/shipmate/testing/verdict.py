"""How a check of the component suite ends when it does not pass: it fails, or it could not be made."""


class Failed(AssertionError):
    """The component does not keep a promise; the text says what was found and what to do."""


class NotChecked(Exception):
    """The check says nothing about this component, or this function, and the text says why."""
