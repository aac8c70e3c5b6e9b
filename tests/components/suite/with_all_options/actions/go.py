from shipmate import message


def process(context, msg, cfg, snapshot):
    api = context.oauth2(cfg, expired=lambda reply: reply.status_code == 419)
    shop = api.get(cfg["shop_url"] + "/shops/" + msg["body"]["shop"]).json()
    orders = api.get("https://orders.example.com/of/7").json()
    rate = api.get("https://rates.example.com/eur").json()
    yield from (message({"shop": shop["name"], "order": order, "rate": rate}) for order in orders[snapshot["first"] :])
