def proces(context, msg, cfg, snapshot):
    return None
