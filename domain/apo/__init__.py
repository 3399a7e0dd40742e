"""The Alternate Provider Option (rules APO-*)."""
