"""Bytes of a sender → updates of single alerts. Nothing here knows incidents or people."""
