"""`heronwatch detector backtest`: what the detector would have done over a span of history, as a report."""
