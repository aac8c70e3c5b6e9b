def process(context, msg, cfg, snapshot):
    context.logger.info("nothing to do")
