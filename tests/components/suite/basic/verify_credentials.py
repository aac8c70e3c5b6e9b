import requests


def verify_credentials(context, credentials):
    who = (credentials["username"], credentials["password"])
    requests.get("https://api.example.com/me", auth=who, timeout=5).raise_for_status()
