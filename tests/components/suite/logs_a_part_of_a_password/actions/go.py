import requests


def process(context, msg, cfg, snapshot):
    context.logger.info("signing in with %s...", cfg["password"][:18])
    requests.get("https://api.example.com/me", auth=(cfg["username"], cfg["password"]), timeout=5)
