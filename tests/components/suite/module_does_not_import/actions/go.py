from shipmate import messages


def process(context, msg, cfg, snapshot):
    return messages(msg["body"])
