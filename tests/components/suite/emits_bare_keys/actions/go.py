import requests

from shipmate import message

TOKENS = "https://login.example.com/token"
API = "https://crm.example.com/me"


def process(context, msg, cfg, snapshot):
    token = cfg["oauth"]["access_token"]
    reply = requests.get(API, headers={"Authorization": f"Bearer {token}"}, timeout=5)

    if reply.status_code == 401:
        form = {"grant_type": "refresh_token", "refresh_token": cfg["oauth"]["refresh_token"]}
        keys = requests.post(TOKENS, data=form, timeout=5)
        keys.raise_for_status()
        new = keys.json()
        context.emit("updateKeys", new)
        token = new["access_token"]
        reply = requests.get(API, headers={"Authorization": f"Bearer {token}"}, timeout=5)
    return message(reply.json())
