"""Imported first, it keeps OpenSSL out of the daemon (see supervisor/lean.py)."""

from hadelect.supervisor import lean

lean.load("asyncio", "hmac", "http.client")
