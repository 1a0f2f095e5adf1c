"""Shadow mode: an integration runs beside the tool in use, and only says whom it would have paged."""
