"""Series in from Prometheus, scores, bands and forecasts out by remote write."""
