"""The lifecycles: one durable workflow each, told like its procedure."""
