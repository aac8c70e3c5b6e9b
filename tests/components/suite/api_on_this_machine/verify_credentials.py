import requests

URL = "http://localhost:9/v1"


def verify_credentials(context, credentials):
    reply = requests.get(URL + "/me", headers={"X-Key": credentials["api_key"]}, timeout=5)
    return {"verified": reply.ok, "reason": f"the API answered {reply.status_code}"}
