from shipmate import message


def process(context, msg, cfg, snapshot):
    return message(context.oauth2(cfg).get("{instance_url}/me").json())
