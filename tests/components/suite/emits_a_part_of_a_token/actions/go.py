from shipmate import message


def process(context, msg, cfg, snapshot):
    reply = context.oauth2(cfg).get("{instance_url}/me")
    if not reply.ok:
        raise ValueError("refused: " + cfg["oauth"]["access_token"][:20])
    return message(reply.json())
