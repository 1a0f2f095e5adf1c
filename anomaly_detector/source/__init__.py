"""What the detector reads: the Prometheus HTTP API, and its answers as matrices."""
