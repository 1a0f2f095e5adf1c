"""The one metric language: definitions, units, samples and their text."""
