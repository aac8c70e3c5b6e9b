"""The errors of generated functions, which concern one message."""


class NothingFound(LookupError):
    """No object has the value, and the step's fields do not allow that."""


class MoreThanOneFound(LookupError):
    """Several objects have a value that should be unique."""


class ValueMissing(ValueError):
    """The message lacks a value that the function needs."""


class UnexpectedAnswer(ValueError):
    """The API's answer does not fit the declaration of its resource."""
