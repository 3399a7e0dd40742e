"""What helps to develop Steward: a part of the checkout, and of no wheel."""
