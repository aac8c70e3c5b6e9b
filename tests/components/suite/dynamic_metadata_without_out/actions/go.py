def process(context, msg, cfg, snapshot):
    return {"body": {"id": 7}}


def get_meta_model(context, cfg):
    return {"in": {}}
