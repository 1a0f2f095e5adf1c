"""Pages out: the seam every channel meets, the outbox that leases and records each attempt, and the channels."""
