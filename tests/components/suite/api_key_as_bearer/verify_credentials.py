import requests


def verify_credentials(context, credentials):
    reply = requests.get(
        credentials["base_url"] + "/me", headers={"Authorization": "Bearer " + credentials["api_key"]}, timeout=5
    )
    return {"verified": reply.ok, "reason": f"the API answered {reply.status_code}"}
