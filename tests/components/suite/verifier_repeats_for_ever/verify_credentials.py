import time

import requests


def verify_credentials(context, credentials):
    while not requests.get(credentials["base_url"] + "/me", timeout=5).ok:
        context.logger.debug("again")
        time.sleep(0.02)
