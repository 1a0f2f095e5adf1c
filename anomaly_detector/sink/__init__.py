"""What the detector writes: output series, the remote-write wire format and sender, the scores page."""
