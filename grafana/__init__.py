"""Dashboards of Heronwatch and what makes and draws them; no part of the installed wheel."""
