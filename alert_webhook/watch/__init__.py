"""What the webhook notices about itself: what is late, who has gone silent, which provider refuses us."""
