"""How fast Steward is, how small, and how it grows, measured beside the bare engine."""
