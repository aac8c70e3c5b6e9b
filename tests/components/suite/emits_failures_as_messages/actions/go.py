import requests

from shipmate import message


def process(context, msg, cfg, snapshot):
    return message(requests.get("https://crm.example.com/me", timeout=5).json())
