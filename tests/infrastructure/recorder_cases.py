"""The `eventsourcing` library's own test cases, importable without the optional package behind its AES cipher."""

import importlib.util
import sys
import unittest
from types import ModuleType
from typing import Final

WITHOUT_CIPHER: Final = importlib.util.find_spec("Crypto") is None

if WITHOUT_CIPHER:
    cipher = ModuleType("eventsourcing.cipher")
    cipher.__dict__["AESCipher"] = type("AESCipher", (), {})
    sys.modules.setdefault(cipher.__name__, cipher)

from eventsourcing.tests import persistence, projection  # noqa: E402 (it imports the cipher)

if WITHOUT_CIPHER:
    for case in ("with_cipher", "with_cipher_and_compressor", "with_wrong_cipher_key"):
        name = f"test_mapper_{case}"
        skipped = unittest.skip("pycryptodome is not installed, which the library's cipher needs")
        function = getattr(persistence.InfrastructureFactoryTestCase, name)
        setattr(persistence.InfrastructureFactoryTestCase, name, skipped(function))

__all__ = ["persistence", "projection"]
