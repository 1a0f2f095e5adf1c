"""Why a series scored what it scored: `heronwatch detector explain` and `GET /api/v1/explain`."""
