import requests

from shipmate import message

URL = "http://localhost:9/v1"


def process(context, msg, cfg, snapshot):
    reply = requests.get(URL + "/me", headers={"X-Key": cfg["api_key"]}, timeout=5)
    reply.raise_for_status()
    return message(reply.json())
