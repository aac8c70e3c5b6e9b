def verify_credentials(context, credentials):
    context.oauth2(credentials).get("{instance_url}/me").raise_for_status()
