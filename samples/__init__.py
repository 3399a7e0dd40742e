"""Samples: a day's stories as event files, and a job system to play them with."""
