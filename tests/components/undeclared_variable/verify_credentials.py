def verify_credentials(context, credentials):
    return {"verified": True}
