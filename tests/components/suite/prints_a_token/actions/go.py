from shipmate import message


def process(context, msg, cfg, snapshot):
    print("using", cfg["oauth"]["access_token"])  # noqa: T201 - this is the defect
    return message(context.oauth2(cfg).get("{instance_url}/me").json())
