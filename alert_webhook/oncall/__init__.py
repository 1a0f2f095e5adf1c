"""Who there is, and where each can be reached."""
