"""Pages for people: the ack page, the incident list, sign-in; and the JSON API."""
