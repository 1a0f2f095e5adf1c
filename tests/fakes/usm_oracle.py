"""pysnmp's parts of the user-based security model, by our names of the protocols."""

from itertools import product

import pysnmp.proto.secmod.rfc3414.service  # noqa: F401  # first: pysnmp's modules import one another in a circle
from pysnmp.proto.secmod.eso.priv import aes192, aes256, des3
from pysnmp.proto.secmod.rfc3414.auth import hmacmd5, hmacsha
from pysnmp.proto.secmod.rfc3414.priv import des
from pysnmp.proto.secmod.rfc3826.priv import aes
from pysnmp.proto.secmod.rfc7860.auth import hmacsha2

from exporters.snmp.usm.keys import AUTHENTICATION, PRIVACY, AuthProtocol, PrivProtocol

ENGINE = bytes(11) + b"\x02"  # of RFC 3414 sections A.3 and A.5
AUTH_ORACLES = {
    "MD5": hmacmd5.HmacMd5(),
    "SHA": hmacsha.HmacSha(),
    "SHA224": hmacsha2.HmacSha2(hmacsha2.HmacSha2.SHA224_SERVICE_ID),
    "SHA256": hmacsha2.HmacSha2(hmacsha2.HmacSha2.SHA256_SERVICE_ID),
    "SHA384": hmacsha2.HmacSha2(hmacsha2.HmacSha2.SAH384_SERVICE_ID),
    "SHA512": hmacsha2.HmacSha2(hmacsha2.HmacSha2.SHA512_SERVICE_ID),
}
AUTH_IDS = {
    "MD5": hmacmd5.HmacMd5.SERVICE_ID,
    "SHA": hmacsha.HmacSha.SERVICE_ID,
    "SHA224": hmacsha2.HmacSha2.SHA224_SERVICE_ID,
    "SHA256": hmacsha2.HmacSha2.SHA256_SERVICE_ID,
    "SHA384": hmacsha2.HmacSha2.SAH384_SERVICE_ID,
    "SHA512": hmacsha2.HmacSha2.SHA512_SERVICE_ID,
}
PRIV_ORACLES = {
    "DES": des.Des(),
    "3DES": des3.Des3(),
    "AES": aes.Aes(),
    "AES192": aes192.AesBlumenthal192(),
    "AES192C": aes192.Aes192(),
    "AES256": aes256.AesBlumenthal256(),
    "AES256C": aes256.Aes256(),
}
PAIRS: list[tuple[AuthProtocol, PrivProtocol]] = list(product(AUTHENTICATION, PRIVACY))
