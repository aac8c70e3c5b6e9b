from shipmate import message


async def process(context, msg, cfg, snapshot):
    for number in range(2):
        yield message({**context.oauth2(cfg).get("{instance_url}/contacts").json(), "number": number})
