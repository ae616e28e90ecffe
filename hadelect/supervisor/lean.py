"""The standard library without OpenSSL: 7 MB less in every process that has no use for it.

The interpreter brings its own SHA-256. Imported first, this does it for supervisor and init.
"""

from __future__ import annotations

import sys
from importlib import import_module

_OPENSSL = ("ssl", "_ssl", "_hashlib")


def load(*modules: str) -> None:
    """Import these as a Python that was built without OpenSSL does; what is imported stays.

    Afterwards `import ssl` works as ever.
    """
    hidden = [name for name in _OPENSSL if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type] # None: not to be found.
    try:
        for module in modules:
            import_module(module)
    finally:
        for name in hidden:
            del sys.modules[name]


load("hashlib")
