# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Password hashes as Dovecot writes them, made and checked by the host's own crypt(3).

Python 3.13 has no crypt module any more, and a password on a command line stands in the process list: hence ctypes.
"""

from __future__ import annotations

import ctypes
import hmac
import re

BCRYPT_COST = 10
LONGEST = 72
"""Bytes of a password that bcrypt looks at."""

SCHEMES = "{ARGON2ID}$argon2id$..., {BLF-CRYPT}$2y$... or {SHA512-CRYPT}$6$..., as doveadm pw gives them"
_HASHES = (
    ("ARGON2ID", re.compile(r"\$argon2id\$v=\d+\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{22,}")),
    ("BLF-CRYPT", re.compile(r"\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}")),
    ("SHA512-CRYPT", re.compile(r"\$6\$(rounds=\d+\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{86}")),
)


def with_scheme(text: str) -> str | None:
    """The hash with Dovecot's name of its scheme in front; None where it is no hash of an accepted scheme."""
    for scheme, form in _HASHES:
        bare = text[len(scheme) + 2 :] if text.upper().startswith("{" + scheme + "}") else text
        if form.fullmatch(bare):
            return "{" + scheme + "}" + bare
    return None


def _libcrypt() -> ctypes.CDLL:
    library = ctypes.CDLL("libcrypt.so.1")
    for function in (library.crypt, library.crypt_gensalt):
        function.restype = ctypes.c_char_p
    library.crypt.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
    library.crypt_gensalt.argtypes = [ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p, ctypes.c_int]
    return library


def make(password: str) -> str:
    """A bcrypt hash of the password, with a salt from the kernel."""
    library = _libcrypt()
    salt = library.crypt_gensalt(b"$2b$", BCRYPT_COST, None, 0)
    made = library.crypt(password.encode(), salt) if salt else None
    found = with_scheme(made.decode()) if made else None
    if found is None:
        raise OSError("crypt(3) of this host makes no bcrypt hashes")
    return found


def matches(password: str, known: str) -> bool:
    """Whether the hash, with or without its scheme, is of this password; crypt(3) knows no argon2."""
    bare = known.partition("}")[2] if known.startswith("{") else known
    made = _libcrypt().crypt(password.encode(), bare.encode())
    return bool(made) and hmac.compare_digest(made, bare.encode())
