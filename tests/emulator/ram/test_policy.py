import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fujie_emulator.ram.policy import PolicyError, Question, judge, policy_from_document


def policy(*statements, kind="identity"):
    return policy_from_document({"Version": "1", "Statement": list(statements)}, kind)


def statement(effect="Allow", action="oss:GetObject", resource="*", **more):
    return {"Effect": effect, "Action": action, "Resource": resource} | more


READ = Question("oss:GetObject", "acs:oss:*:1:bucket/users/alice/a.txt")


def test_what_no_statement_allows_is_denied_without_a_statement():
    decision = judge([policy(statement(action="oss:PutObject"))], READ)
    assert (decision.allowed, decision.statement) == (False, None)


def test_the_decision_carries_the_deciding_statement():
    allowing = statement(Sid="read")
    decision = judge([policy(statement(action="ram:*"), allowing)], READ)
    assert (decision.allowed, decision.statement) == (True, allowing)


def test_an_explicit_deny_wins_wherever_it_stands():
    denying = statement("Deny", resource="acs:*/a.txt")
    for policies in ([policy(statement(), denying)], [policy(denying), policy(statement(resource="*"))]):
        decision = judge(policies, READ)
        assert (decision.allowed, decision.statement) == (False, denying)


@pytest.mark.parametrize("action", ["oss:getobject", "OSS:GetObject", "oss:Get*", "*", "oss:GetObjec?", "*:GetObject"])
def test_actions_fit_in_any_case_and_with_wildcards(action):
    assert judge([policy(statement(action=action))], READ).allowed


@pytest.mark.parametrize(
    ("resource", "allowed"),
    [
        ("acs:oss:*:*:bucket/users/alice/*", True),
        ("acs:oss:*:1:bucket/users/alice/a.txt", True),
        ("acs:oss:*:1:bucket/users/ALICE/*", False),
        ("acs:oss:*:1:bucket/users/alice", False),
        ("acs:oss:*:1:bucket/users/bob/*", False),
        (["acs:oss:*:1:nothing", "acs:oss:*"], True),
    ],
)
def test_resources_fit_letter_by_letter(resource, allowed):
    assert judge([policy(statement(resource=resource))], READ).allowed is allowed


def test_not_action_and_not_resource_turn_round():
    assert judge([policy({"Effect": "Allow", "NotAction": "ram:*", "Resource": "*"})], READ).allowed
    assert not judge([policy({"Effect": "Allow", "NotAction": "oss:*", "Resource": "*"})], READ).allowed
    spared = {"Effect": "Deny", "Action": "*", "NotResource": "acs:*users/alice/*"}
    assert judge([policy(statement(), spared)], READ).allowed
    assert not judge([policy(statement(), spared)], Question("oss:GetObject", "acs:oss:*:1:bucket/users/bob/a")).allowed


def test_a_condition_narrows_a_statement():
    narrow = policy(statement(Condition={"StringEquals": {"acs:SourceArn": "x"}}))
    assert not judge([narrow], READ).allowed
    assert judge([narrow], Question(READ.action, READ.resource, context={"acs:SourceArn": "x"})).allowed


WORKLOAD = "acs:agentidentity:cn-beijing:1:workloadidentitydirectory/default/workloadidentity/w"
KEY = "sts:RequestContext/agentidentity:WorkloadIdentityArn"
TRUST = policy(
    {
        "Effect": "Allow",
        "Principal": {"Service": "workload.agentidentity.aliyuncs.com"},
        "Action": ["sts:AssumeRole", "sts:SetContext"],
        "Condition": {"StringEquals": {KEY: WORKLOAD}},
    },
    kind="trust",
)


@pytest.mark.parametrize(
    ("principal", "context", "allowed"),
    [
        ({"Service": "workload.agentidentity.aliyuncs.com"}, {KEY: WORKLOAD}, True),
        ({"Service": "workload.agentidentity.aliyuncs.com"}, {KEY: WORKLOAD + "2"}, False),
        ({"Service": "workload.agentidentity.aliyuncs.com"}, {}, False),
        ({"Service": "fc.aliyuncs.com"}, {KEY: WORKLOAD}, False),
        ({"RAM": "workload.agentidentity.aliyuncs.com"}, {KEY: WORKLOAD}, False),
        ({}, {KEY: WORKLOAD}, False),
    ],
)
def test_a_trust_policy_lets_in_its_service_in_its_context(principal, context, allowed):
    assert judge([TRUST], Question("sts:AssumeRole", principal=principal, context=context)).allowed is allowed


@pytest.mark.parametrize(
    ("trusted", "presented", "allowed"),
    [
        ("acs:ram::1:root", "acs:ram::1:root", True),
        ("acs:ram::1:root", "acs:ram::1:assumed-role/r/s", True),
        ("acs:ram::1:root", "acs:ram::2:root", False),
        ("acs:ram::1:role/r", "acs:ram::1:assumed-role/r/s", True),
        ("acs:ram::1:role/r", "acs:ram::1:assumed-role/q/r", False),
        ("acs:ram::1:user/alice", "acs:ram::1:user/alice", True),
        ("acs:ram::1:user/alice", "acs:ram::1:root", False),
        (["acs:ram::2:root", "acs:ram::1:root"], "acs:ram::1:user/bob", True),
    ],
)
def test_a_trust_policy_lists_accounts_roles_and_users(trusted, presented, allowed):
    trust = policy({"Effect": "Allow", "Principal": {"RAM": trusted}, "Action": "sts:AssumeRole"}, kind="trust")
    assert judge([trust], Question("sts:AssumeRole", principal={"RAM": presented})).allowed is allowed


@pytest.mark.parametrize(
    ("document", "kind", "words"),
    [
        ([], "identity", "JSON object"),
        ({"Statement": []}, "identity", "Version"),
        ({"Version": "2012-10-17", "Statement": []}, "identity", "Version"),
        ({"Version": "1"}, "identity", "Statement must be a list"),
        ({"Version": "1", "Statement": [], "Id": "x"}, "identity", "no Id"),
        ({"Version": "1", "Statement": ["x"]}, "identity", "must be an object"),
        ({"Version": "1", "Statement": [statement("allow")]}, "identity", "Allow or Deny"),
        ({"Version": "1", "Statement": [statement(NotAction="x:y")]}, "identity", "Action or NotAction"),
        ({"Version": "1", "Statement": [{"Effect": "Allow", "Action": "*"}]}, "identity", "Resource or NotResource"),
        ({"Version": "1", "Statement": [statement(action=[])]}, "identity", "not be empty|not empty"),
        ({"Version": "1", "Statement": [statement(action="GetObject")]}, "identity", "service:Action"),
        ({"Version": "1", "Statement": [statement(resource="bucket/a")]}, "identity", "acs:"),
        ({"Version": "1", "Statement": [statement(Principal={"RAM": "x"})]}, "identity", "no Principal"),
        ({"Version": "1", "Statement": [statement(Conditions={})]}, "identity", "no Conditions"),
        ({"Version": "1", "Statement": [statement(Condition={"X": {"a": "b"}})]}, "identity", "X is not known"),
        ({"Version": "1", "Statement": [statement()]}, "trust", "no Resource"),
        ({"Version": "1", "Statement": [{"Effect": "Allow", "Action": "*"}]}, "trust", "Principal"),
        (
            {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "*", "Principal": {"AWS": "x"}}]},
            "trust",
            "AWS",
        ),
        ({"Version": "1", "Statement": [{"Effect": "Allow", "Action": "*", "Principal": {}}]}, "trust", "Principal"),
    ],
)
def test_a_malformed_document_is_refused_with_the_reason(document, kind, words):
    with pytest.raises(PolicyError, match=words):
        policy_from_document(document, kind)


# A second, naive implementation over small alphabets.

texts = st.text("ab", min_size=1, max_size=3)
patterns = st.text("ab*?", min_size=1, max_size=3)
actions = st.builds("{}:{}".format, st.sampled_from(["s", "S", "*", "s*"]), patterns)
resources = st.one_of(st.just("*"), st.builds("acs:{}".format, patterns))
one_or_many = lambda items: st.one_of(items, st.lists(items, min_size=1, max_size=3))  # noqa: E731
numbers = st.integers(0, 3).map(str)
dates = st.builds("2026-01-0{}T00:00:00{}".format, st.integers(1, 3), st.sampled_from(["Z", "+08:00", "-01:00"]))
addresses = st.builds("10.0.{}.{}".format, st.integers(0, 1), st.sampled_from([0, 1, 128, 255]))
networks = st.one_of(addresses, st.builds("{}/{}".format, addresses, st.sampled_from([8, 24, 25, 31])))
booleans = st.sampled_from(["true", "false", "True", "FALSE"])
ORDERS = ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"]
IP_OPERATORS = ["IpAddress", "NotIpAddress", "IpAddressIncludeBorder", "NotIpAddressIncludeBorder"]
STRING_OPERATORS = [
    f"String{negation}{sort}" for negation in ("", "Not") for sort in ("Equals", "EqualsIgnoreCase", "Like")
]
VALUES = (
    dict.fromkeys(STRING_OPERATORS, st.text("abAB*?", min_size=1, max_size=3))
    | {f"Numeric{order}": numbers for order in ORDERS}
    | {f"Date{order}": dates for order in ORDERS}
    | {"Bool": booleans}
    | dict.fromkeys(IP_OPERATORS, networks)
)
present_values = st.one_of(st.text("abAB", min_size=1, max_size=3), numbers, dates, addresses, booleans)


@st.composite
def blocks(draw):
    chosen = draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=2, unique=True))
    keys = st.sampled_from("xyz")
    return {
        operator: draw(st.dictionaries(keys, one_or_many(VALUES[operator]), min_size=1, max_size=2))
        for operator in chosen
    }


@st.composite
def statements(draw):
    drawn = {"Effect": draw(st.sampled_from(["Allow", "Deny"]))}
    drawn[draw(st.sampled_from(["Action", "NotAction"]))] = draw(one_or_many(actions))
    drawn[draw(st.sampled_from(["Resource", "NotResource"]))] = draw(one_or_many(resources))
    block = draw(blocks())
    return drawn | ({"Condition": block} if block else {})


def naive_fits(pattern, text):
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(naive_fits(pattern[1:], text[at:]) for at in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and naive_fits(pattern[1:], text[1:])


def many(value):
    return value if isinstance(value, list) else [value]


def naive_speaks(source, action, resource, context):
    if "Action" in source:
        if not any(naive_fits(p.lower(), action.lower()) for p in many(source["Action"])):
            return False
    elif any(naive_fits(p.lower(), action.lower()) for p in many(source["NotAction"])):
        return False
    if "Resource" in source:
        if not any(naive_fits(p, resource) for p in many(source["Resource"])):
            return False
    elif any(naive_fits(p, resource) for p in many(source["NotResource"])):
        return False
    for operator, keys in source.get("Condition", {}).items():
        for key, values in keys.items():
            positive = operator.replace("Not", "")
            hit = key in context and any(naive_holds(positive, context[key], value) for value in many(values))
            if hit == ("Not" in operator):
                return False
    return True


def naive_holds(operator, present, value):
    """Compare the way each family reads its texts; a present text the family cannot read fits nothing."""
    if operator == "StringEqualsIgnoreCase":
        return present.lower() == value.lower()
    if operator.startswith("String"):
        return naive_fits(value, present) if operator == "StringLike" else present == value
    if operator == "Bool":
        return present.lower() == value.lower()
    if operator.startswith("Ip"):
        return naive_in_network(present, value)
    family, order = ("Numeric", operator[7:]) if operator.startswith("Numeric") else ("Date", operator[4:])
    left, right = (naive_number(text) if family == "Numeric" else naive_date(text) for text in (present, value))
    if left is None:
        return False
    return {
        "Equals": left == right,
        "LessThan": left < right,
        "LessThanEquals": left < right or left == right,
        "GreaterThan": right < left,
        "GreaterThanEquals": right < left or left == right,
    }[order]


def naive_number(text):
    return int(text) if text.isdigit() else None


def naive_date(text):
    """Return hours since the year's begin."""
    found = re.fullmatch(r"2026-01-0(\d)T00:00:00(Z|([+-])(\d\d):00)", text)
    if not found:
        return None
    shift = int(found[4] or 0) * (-1 if found[3] == "+" else 1)
    return int(found[1]) * 24 + shift


def naive_in_network(present, value):
    if present.count(".") != 3:
        return False
    network, _, length = value.partition("/")
    bits = "".join(f"{int(part):08b}" for part in network.split("."))
    mine = "".join(f"{int(part):08b}" for part in present.split("."))
    return mine[: int(length or 32)] == bits[: int(length or 32)]


@given(
    st.lists(st.lists(statements(), max_size=3), max_size=3),
    st.builds("s:{}".format, texts),
    st.builds("acs:{}".format, texts),
    st.dictionaries(st.sampled_from("xyz"), present_values, max_size=3),
)
def test_it_agrees_with_a_naive_judge(policies, action, resource, context):
    speaking = [s for p in policies for s in p if naive_speaks(s, action, resource, context)]
    effects = {s["Effect"] for s in speaking}
    question = Question(action, resource, context=context)
    decision = judge([policy(*statements) for statements in policies], question)
    assert decision.allowed == (effects == {"Allow"})
    if speaking:
        assert decision.statement in speaking
        assert decision.statement["Effect"] == ("Deny" if "Deny" in effects else "Allow")
    else:
        assert decision.statement is None
