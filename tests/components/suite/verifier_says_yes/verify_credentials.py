import requests


def verify_credentials(context, credentials):
    requests.get(credentials["base_url"] + "/me", headers={"X-Key": credentials["api_key"]}, timeout=5)
    return True
