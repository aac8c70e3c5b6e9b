from shipmate import message


def process(context, msg, cfg, snapshot):
    api = context.session(cfg)
    return message(api.require_success(api.get("https://crm.example.com/me")).json())
