"""The document says all that an operation can be answered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starters.doorkeeper import HEALTH, JOB_EVENTS
from tests.desk import Desk


def operations(document: Mapping[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]


def test_every_operation_names_every_status_that_can_come(desk: Desk) -> None:
    always = {"200", "421", "500", "503"}
    for path, method, operation in operations(desk.app.openapi()):
        statuses = set(operation["responses"])
        assert always <= statuses, (path, method)
        if path in HEALTH:
            assert statuses == always
        elif path == JOB_EVENTS:
            assert statuses == always | {"401", "413"}
        elif method == "get":
            assert statuses == always | {"401", "404", "422"}
        else:
            assert statuses >= always | {"401", "403", "404", "409", "413", "415", "422"}


def test_every_error_has_the_shape_of_a_refusal(desk: Desk) -> None:
    document = desk.app.openapi()
    refusal = {"$ref": "#/components/schemas/Refusal"}
    for path, method, operation in operations(document):
        for status, response in operation["responses"].items():
            if int(status) >= 400 and (path, status) != ("/readyz", "503"):
                assert response["content"]["application/json"]["schema"] == refusal, (path, method)
    assert set(document["components"]["schemas"]["Refusal"]["required"]) == {
        *("error", "rule", "message")
    }
    assert "HTTPValidationError" not in json.dumps(document)
