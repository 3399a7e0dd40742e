"""Every level of the house is tested here, from a single rule to a killed server."""
