from shipmate import message


def process(context, msg, cfg, snapshot):
    reply = context.oauth2(cfg).get("https://shop.example.com/me")
    reply.raise_for_status()
    return message(reply.json())
