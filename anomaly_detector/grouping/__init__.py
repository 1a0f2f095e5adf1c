"""Scores of devices and sites, and the budget of alarms for the whole installation."""
