"""The user-based security model of SNMPv3 (RFC 3414, 3826, 7860): keys, privacy, messages, engines."""
