from shipmate import message


async def process(context, msg, cfg, snapshot):
    for number in range(2):
        reply = context.oauth2(cfg).get("{instance_url}/contacts")
        reply.raise_for_status()
        yield message({**reply.json(), "number": number})
