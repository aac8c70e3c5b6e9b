import requests

from shipmate import message

API = "https://crm.example.com/me"


def process(context, msg, cfg, snapshot):
    token = cfg["oauth"]["access_token"]
    reply = requests.get(API, headers={"Authorization": f"Bearer {token}"}, timeout=5)

    return message(reply.json())
