import time


def process(context, msg, cfg, snapshot):
    while True:
        time.sleep(0.01)
