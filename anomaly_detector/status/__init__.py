"""How a running detector is: `GET /api/v1/status` and `heronwatch detector status`."""
