import requests

from shipmate import message


def process(context, msg, cfg, snapshot):
    reply = requests.get(cfg["base_url"] + "/me", headers={"Authorization": "Bearer " + cfg["api_key"]}, timeout=5)
    reply.raise_for_status()
    return message(reply.json())
