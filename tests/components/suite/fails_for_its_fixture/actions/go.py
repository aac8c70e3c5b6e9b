def process(context, msg, cfg, snapshot):
    return {"body": {"id": msg["body"]["identity"]}}
