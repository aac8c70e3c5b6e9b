from helpers import NAME

from shipmate import message


def process(context, msg, cfg, snapshot):
    reply = context.oauth2(cfg).post("{instance_url}/contacts", json=msg["body"])
    reply.raise_for_status()
    context.logger.info("%s has created a contact", NAME)
    context.emit("data", message(reply.json()))
