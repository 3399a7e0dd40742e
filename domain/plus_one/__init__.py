"""The search by PlusOne, and the repair that follows it (rules PO-*)."""
