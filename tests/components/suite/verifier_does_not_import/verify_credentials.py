from nowhere import verify_credentials

__all__ = ["verify_credentials"]
