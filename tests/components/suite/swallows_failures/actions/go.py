import requests

from shipmate import message


def process(context, msg, cfg, snapshot):
    reply = requests.get("https://crm.example.com/me", timeout=5)
    if reply.ok:
        context.emit("data", message(reply.json()))
