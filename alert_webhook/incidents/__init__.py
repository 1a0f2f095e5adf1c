"""Updates of alerts → incidents: what belongs together, what state it is in, what happened when."""
