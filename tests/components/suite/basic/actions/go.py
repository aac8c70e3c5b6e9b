import requests

from shipmate import message


def process(context, msg, cfg, snapshot):
    reply = requests.get("https://api.example.com/me", auth=(cfg["username"], cfg["password"]), timeout=5)
    reply.raise_for_status()
    return message(reply.json())
