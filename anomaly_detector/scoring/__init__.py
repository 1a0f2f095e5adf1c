"""From a model's verdict to the published score: calibration, direction, ranges. No I/O."""
