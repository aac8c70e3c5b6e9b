import requests

from shipmate import message


def process(context, msg, cfg, snapshot):
    reply = requests.get("https://api.example.com/me", auth=(cfg["username"], cfg["password"]), timeout=5)
    return message(reply.json())
