"""A generator; what it yields is published before it goes on."""


def process(context, msg, cfg, snapshot):
    """Yield three messages and return a fourth."""
    for number in range(3):
        yield {"body": number}
    return {"body": 3}
