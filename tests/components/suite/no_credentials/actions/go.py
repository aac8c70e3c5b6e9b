def process(context, msg, cfg, snapshot):
    return {"body": msg["body"]}
