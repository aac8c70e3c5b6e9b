"""Where requests go: below the base URL of the credentials, and nowhere else."""

from typing import Any
from urllib.parse import quote, urljoin, urlsplit


class WrongUrl(ValueError):
    """A URL that the token must not be sent to, or none at all."""


def base_url(cfg: dict[str, Any]) -> str:
    """Return the API's base URL, without a slash at its end."""
    url = cfg.get("base_url")
    if not isinstance(url, str) or not (url.startswith(("https://", "http://", "{"))):
        raise WrongUrl("base_url in the credentials: expected a URL that begins with https://")
    return url.rstrip("/")


def resolve(cfg: dict[str, Any], target: str) -> str:
    """Return the URL for a path below the base URL, or for an absolute URL on the same host.

    A message names the target, and the token goes along: another host must not get it.
    """
    base = base_url(cfg)
    if "://" not in target and not target.startswith("//"):
        # Braces in a message are no placeholders for members of the token.
        return f"{base}/{quote(target.lstrip('/'), safe=_UNTOUCHED)}" if target.strip("/") else base
    if _origin(urljoin(base, target)) != _origin(base):
        raise WrongUrl(f"url: expected a path, or a URL of {_host(base)}, found one of {_host(target)}")
    return quote(urljoin(base, target), safe=_UNTOUCHED)


# All that may stand in a URL, and % so that what is escaped already stays as it is.
_UNTOUCHED = "%:/?#[]@!$&'()*+,;=-._~"


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme.lower(), parts.netloc.rsplit("@", 1)[-1].lower()


def _host(url: str) -> str:
    return urlsplit(url).hostname or "no host"
