from shipmate import message


async def process(context, msg, cfg, snapshot):
    await context.emit("data", message(context.oauth2(cfg).get("https://crm.example.com/me").json()))
