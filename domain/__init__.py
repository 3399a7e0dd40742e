"""The procedures as pure rules: what is allowed, and when it is due."""
