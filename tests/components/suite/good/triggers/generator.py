from shipmate import message


def process(context, msg, cfg, snapshot):
    yield message(context.oauth2(cfg, refresh="every_access").get("{instance_url}/records").json())


def get_meta_model(context, cfg):
    described = context.oauth2(cfg).get("{instance_url}/describe").json()
    return {"out": {"type": "object", "properties": {name: {} for name in described}}}
