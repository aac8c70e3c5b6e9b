from shipmate import message


def process(context, msg, cfg, snapshot):
    api = context.session(
        cfg, auth="oauth2", grant="password", token_url="https://crm.example.com/oauth2/token", client_id="crm"
    )
    return message(api.require_success(api.get("https://crm.example.com/me")).json())
