from shipmate import message


def process(context, msg, cfg, snapshot):
    api = context.oauth2(cfg, grant="client_credentials", token_url="https://login.example.com/token")
    reply = api.get("{instance_url}/me")
    reply.raise_for_status()
    return message(reply.json())
