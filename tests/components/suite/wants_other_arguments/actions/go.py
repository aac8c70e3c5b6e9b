def process(msg, cfg):
    return {"body": {"id": 1}}
