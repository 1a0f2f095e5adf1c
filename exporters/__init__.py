"""Device bytes to samples to Prometheus exposition."""
