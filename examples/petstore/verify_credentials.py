"""Verifies an API key with one request."""

from pets import api

verify_credentials = api.verify_credentials
