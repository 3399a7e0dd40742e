"""The Area Manager escalation: a customer's concern about a provider (rules AM-*)."""
