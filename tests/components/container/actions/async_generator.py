"""An async generator that fails in the end."""


async def process(context, msg, cfg, snapshot):
    """Yield four messages, and fail if it is told to."""
    for number in range(4):
        yield {"body": number}
    if msg["body"] == "fail":
        raise ValueError("failed in the end")
