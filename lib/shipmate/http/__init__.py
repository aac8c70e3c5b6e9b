"""The HTTP client: connections that threads share, answers with limits, responses as in requests."""
