import time


def process(context, msg, cfg, snapshot):
    api, url = context.oauth2(cfg), "{instance_url}/records"
    while url:
        api.get(url)
        time.sleep(0.02)
