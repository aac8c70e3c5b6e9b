"""A coroutine; it emits side by side, and returns the last message."""

import asyncio


async def process(context, msg, cfg, snapshot):
    """Emit two messages at once, one that nobody waits for, and return a fourth."""
    await asyncio.gather(*(context.emit("data", {"body": number}) for number in range(2)))
    context.emit("data", {"body": 2})
    return {"body": 3}
