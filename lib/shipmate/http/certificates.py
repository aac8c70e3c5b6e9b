"""The certificates of private authorities, which operators name by variables.

Requests, OpenSSL and the platform's other runtimes each have a variable of their own; here each of them counts for
https and for amqps, in addition to the usual authorities.
"""

import logging
import os
import re
from functools import lru_cache
from typing import Final

from shipmate.wording import file_problem

_log: Final = logging.getLogger("shipmate.tls")
_VARIABLES: Final = ("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_CERTIFICATE: Final = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")


def extra_certificates() -> str:
    """Return the certificates in the files that the environment names, as PEM; empty without any."""
    return "\n".join(_certificates(name, path) for name in _VARIABLES if (path := os.environ.get(name)))


@lru_cache(maxsize=16)
def _certificates(name: str, path: str) -> str:
    """Return the certificates in a file; a file that cannot be used is logged once and ignored, as by OpenSSL."""
    import ssl

    if os.path.isdir(path):
        return ""  # REQUESTS_CA_BUNDLE may be a directory, which requests reads itself
    try:
        with open(path, encoding="latin-1") as file:
            found = "\n".join(_CERTIFICATE.findall(file.read()))
        problem = "" if found else "no certificate"
        if found:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=found)
    except ssl.SSLError:
        problem = "a certificate that is not valid"
    except (OSError, ValueError) as error:
        problem = file_problem(error)
    if problem:
        _log.warning("%s: expected a file of certificates as PEM, found %s: it is ignored", name, problem)
        return ""
    return found
