"""Microsoft Graph, as the actions and triggers of this component use it."""
