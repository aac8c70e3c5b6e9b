"""Code that the action and the trigger of this component share."""
