"""The supervisor behind make demo."""
