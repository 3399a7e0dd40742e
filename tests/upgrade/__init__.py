"""The last release and this one, one after the other and beside each other, with jobs running."""
