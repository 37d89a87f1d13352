import json
import re

import pytest

from micgate.doctor import role

PERMISSION = re.compile(r"[a-z]+:[a-zA-Z]+:[a-zA-Z]+")


def test_every_permission_is_one_the_vendor_lists_for_an_operation(contract_permissions):
    assert {need.name for need in (*role.REQUIRED, *role.OPTIONAL)} <= contract_permissions
    assert set(role.STRONGER) <= contract_permissions


def test_no_permission_that_can_hang_up_or_record_is_in_the_role():
    assert not set(role.STRONGER) & {need.name for need in (*role.REQUIRED, *role.OPTIONAL)}


def test_every_permission_says_why_and_what_fails_without_it():
    for need in (*role.REQUIRED, *role.OPTIONAL):
        assert need.why.endswith(".")
        assert need.without.endswith(".")


def test_the_text_names_every_permission_and_where_to_grant_it():
    text = role.as_text()
    assert {need.name for need in role.REQUIRED} <= set(PERMISSION.findall(text))
    assert "Conversation > Agentless Call > Add" in text
    assert "Roles / Permissions" in text
    assert "Integrations > OAuth" in text


def test_the_json_is_the_body_the_vendor_takes_with_the_reasons_beside_it():
    printed = json.loads(json.dumps(role.as_object()))
    policies = {
        f"{policy['domain']}:{policy['entityName']}:{action}"
        for policy in printed["role"]["permissionPolicies"]
        for action in policy["actionSet"]
    }
    assert policies == {need.name for need in role.REQUIRED} == set(printed["why"])
    assert {"name", "description", "permissionPolicies"} == set(printed["role"])


def test_the_terraform_blocks_balance_and_leave_the_optional_part_commented_out():
    lines = role.as_terraform().splitlines()
    live = [line for line in lines if not line.strip().startswith("#")]
    assert sum(line.count("{") - line.count("}") for line in live) == 0
    assert sum("permission_policies {" in line for line in live) == len(role.REQUIRED)
    assert '"pauseOthers"' not in "\n".join(live)


@pytest.mark.parametrize(
    "held", ["conversation:agentlessCall:add", "conversation:*:add", "conversation:agentlessCall:*", "*:*:*"]
)
def test_a_wildcard_in_a_held_permission_covers(held):
    assert "conversation:agentlessCall:add" not in [need.name for need in role.missing([held])]


@pytest.mark.parametrize(
    "held", ["conversation:agentlessCall", "conversation:agentlessCall:view", "conversation", ""]
)
def test_a_permission_that_is_not_quite_it_does_not_cover(held):
    assert len(role.missing([held])) == len(role.REQUIRED)
