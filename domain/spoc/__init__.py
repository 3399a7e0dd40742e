"""The Single Point of Contact: a specialist helps to get what a provider owes (rules SPOC-*)."""
