import json
from urllib.request import Request, urlopen

from shipmate import message


def process(context, msg, cfg, snapshot):
    request = Request("https://crm.example.com/me", headers={"Authorization": "Bearer " + cfg["oauth"]["access_token"]})
    with urlopen(request, timeout=5) as reply:  # noqa: S310 - the URL is a constant
        return message(json.load(reply))
