"""The roles; `domain.roles` has who acts in them.

Apart from it, since whoever only shows a role checks nobody's name.
"""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """Every role that can act on a job or be waited for."""

    DISPATCH = "dispatch"
    CUSTOMER_SERVICE = "customer_service"
    SUPERVISOR = "supervisor"
    LEADERSHIP_DESK = "leadership_desk"
    ESCALATIONS = "escalations"
    AUTHORIZATIONS = "authorizations"
    DECISION_DESK = "decision_desk"
    PARTS_SOURCING = "parts_sourcing"
    SUPPORT_SERVICES = "support_services"
    ADMIN_TEAM = "admin_team"
    AREA_MANAGER = "area_manager"
    SPOC_SPECIALIST = "spoc_specialist"
    PLUSONE = "plusone"
    PROVIDER = "provider"
    CUSTOMER = "customer"
    SYSTEM = "system"

    @property
    def label(self) -> str:
        """The role as it stands in a list or a heading: `Customer Service`, `Supervisor`."""
        return _LABELS.get(self) or self.value.replace("_", " ").title()

    @property
    def people(self) -> str:
        """Those in the role, as a sentence names who acts: `Customer Service`, `a supervisor`."""
        return _PEOPLE.get(self) or self.label


_LABELS = {
    Role.PLUSONE: "PlusOne",
    Role.SPOC_SPECIALIST: "SPoC specialist",
    Role.ADMIN_TEAM: "Admin team",
}
_PEOPLE = {
    Role.CUSTOMER: "the customer",
    Role.PROVIDER: "the provider",
    Role.SPOC_SPECIALIST: "the SPoC specialist",
    Role.ADMIN_TEAM: "the Admin team",
    Role.AREA_MANAGER: "the Area Manager",
    Role.SUPERVISOR: "a supervisor",
    Role.LEADERSHIP_DESK: "the Leadership Desk",
    Role.DECISION_DESK: "the Decision Desk",
    Role.SYSTEM: "a system",
}

OUTSIDERS = frozenset({Role.PLUSONE, Role.PROVIDER, Role.CUSTOMER, Role.SYSTEM})
EMPLOYEES = frozenset(Role) - OUTSIDERS


def may_act_as(role: Role, allowed: frozenset[Role]) -> bool:
    """Return whether a role is among those allowed.

    What customer service may do, a supervisor may do too.
    """
    return role in allowed or (role is Role.SUPERVISOR and Role.CUSTOMER_SERVICE in allowed)
