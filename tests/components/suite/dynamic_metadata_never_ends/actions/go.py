import time

import requests


def process(context, msg, cfg, snapshot):
    return {"body": {"id": 7}}


def get_meta_model(context, cfg):
    while requests.get("https://api.example.com/describe", timeout=5).ok:
        context.logger.debug("again")
        time.sleep(0.02)
