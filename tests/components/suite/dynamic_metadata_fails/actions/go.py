def process(context, msg, cfg, snapshot):
    return {"body": {"id": "seven"}}


def get_meta_model(context, cfg):
    return cfg["model"]
