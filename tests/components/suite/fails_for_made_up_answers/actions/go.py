from shipmate import message


def process(context, msg, cfg, snapshot):
    yield from (message(each) for each in context.oauth2(cfg).get("{instance_url}/contacts").json()["contacts"])
