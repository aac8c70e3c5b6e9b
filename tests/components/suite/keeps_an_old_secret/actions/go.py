import requests

from shipmate import message

known = {}


def process(context, msg, cfg, snapshot):
    if not known:
        answer = context.api.get("/v2/workspaces/workspace/secrets/" + cfg["secretId"]).json()
        known.update(answer["data"]["attributes"]["credentials"])
    headers = {"Authorization": "Bearer " + known["access_token"]}
    reply = requests.get("https://crm.example.com/me", headers=headers, timeout=5)
    reply.raise_for_status()
    return message(reply.json())
