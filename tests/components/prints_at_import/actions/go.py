import sys

sys.stdout.write("noise\n")


def process(context, msg, cfg, snapshot):
    return {"body": {}}
