from shipmate import message


def process(context, msg, cfg, snapshot):
    reply = context.oauth2(cfg, refresh="every_access").get("{instance_url}/records")
    reply.raise_for_status()
    yield message(reply.json())


def get_meta_model(context, cfg):
    described = context.oauth2(cfg).get("{instance_url}/describe").json()
    return {"out": {"type": "object", "properties": {name: {} for name in described}}}
