"""Code that the actions and triggers of this component share: requests to Microsoft Graph."""
