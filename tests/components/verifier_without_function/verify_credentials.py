def verify(context, credentials):
    return None
