def verify_credentials(context, credentials):
    api = context.session(credentials)
    api.require_success(api.get("https://crm.example.com/me"))
    return {"verified": True}
