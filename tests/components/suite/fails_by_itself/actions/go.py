def process(context, msg, cfg, snapshot):
    return requests.get("https://crm.example.com/me", timeout=5)  # noqa: F821 - the defect
