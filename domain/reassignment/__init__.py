"""The conference call: giving a job to another provider on the phone (rules CONF-*)."""
