"""The ground the three services stand on: knows no device, no model, no alert."""
