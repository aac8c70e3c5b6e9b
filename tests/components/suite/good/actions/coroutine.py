from shipmate import message


async def process(context, msg, cfg, snapshot):
    reply = context.oauth2(cfg).get("https://crm.example.com/me")
    reply.raise_for_status()
    await context.emit("data", message(reply.json()))
