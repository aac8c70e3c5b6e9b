def process(context, msg, cfg, snapshot):
    context.emit("snapshot", {"seen": 1})
