from shipmate import message


def process(context, msg, cfg, snapshot):
    api = context.oauth2(cfg)
    reply = api.post("{instance_url}/contacts", data=iter([b"{}"]))
    return message({"status": reply.status_code})
