def verify_credentials(context, credentials):
    return bool(credentials["api_key"])
