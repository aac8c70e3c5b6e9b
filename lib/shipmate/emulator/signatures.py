"""Verifies the signatures of JWTs.

Source: RFC 7518 §3; RFC 8037 §3.1; RFC 8812 §3.2.
"""

from base64 import urlsafe_b64decode
from typing import Final

_BITS: Final = frozenset({"256", "384", "512"})
_CURVES: Final = {"ES256": "secp256r1", "ES384": "secp384r1", "ES512": "secp521r1", "ES256K": "secp256k1"}


def is_signed(public_key: str, algorithm: object, signed: bytes, signature: str) -> bool:
    """Return whether a signature is right, and of an algorithm that fits the key.

    Args:
        public_key: The key as PEM.
        algorithm: The member ``alg`` of the header: RS, PS or ES with 256, 384 or 512, ES256K, EdDSA.
        signed: The header and the claims, as they were signed.
        signature: The signature in base64, without padding.

    Raises:
        ValueError: The key or the signature is malformed.
    """
    # Takes 50 ms to import; only assertions need it.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa, utils
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    key, data, name = load_pem_public_key(public_key.encode()), unpadded(signature), str(algorithm)
    try:
        if name == "EdDSA" and isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
            key.verify(data, signed)
            return True
        if name[2:5] not in _BITS:
            return False
        digest = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[name[2:5]]
        if isinstance(key, ec.EllipticCurvePublicKey) and _CURVES.get(name) == key.curve.name:
            size = (key.curve.key_size + 7) // 8
            if len(data) != 2 * size:
                return False
            numbers = int.from_bytes(data[:size], "big"), int.from_bytes(data[size:], "big")
            key.verify(utils.encode_dss_signature(*numbers), signed, ec.ECDSA(digest))
            return True
        if isinstance(key, rsa.RSAPublicKey) and name in ("RS" + name[2:5], "PS" + name[2:5]):
            pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
            key.verify(data, signed, pss if name.startswith("PS") else padding.PKCS1v15(), digest)
            return True
    except InvalidSignature:
        return False
    return False


def unpadded(text: str) -> bytes:
    """Return the bytes of base64 without padding.

    Raises:
        ValueError: The text is malformed.
    """
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
