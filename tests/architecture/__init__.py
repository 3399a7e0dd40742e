"""The walls of the house: imports, deployment, and what is written about it."""
